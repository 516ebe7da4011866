// Calls a server: says what it is told, prints what comes back.
input string InpHost = "127.0.0.1";
input int InpPort = 0;
input bool InpTls = false;
input string InpSay = "";
input int InpWaitMs = 2000;

string Answer(const int socket)
{
   uchar bytes[];
   const ulong end = GetTickCount64() + InpWaitMs;
   while(GetTickCount64() < end)
   {
      const uint waiting = SocketIsReadable(socket);
      if(waiting > 0)
      {
         const int got = InpTls ? SocketTlsReadAvailable(socket, bytes, 65536) : SocketRead(socket, bytes, waiting, 1000);
         if(got > 0)
            return CharArrayToString(bytes, 0, got, CP_UTF8);
      }
      if(!SocketIsConnected(socket))
         return "gone";
      Sleep(1);
   }
   return "nothing";
}

void OnStart()
{
   const int socket = SocketCreate();
   if(socket == INVALID_HANDLE || !SocketConnect(socket, InpHost, InpPort, 1000))
   {
      Print("no connection ", GetLastError());
      return;
   }
   if(InpTls)
   {
      if(!SocketTlsHandshake(socket, InpHost))
      {
         Print("no handshake ", GetLastError());
         return;
      }
      string subject, issuer, serial, thumbprint;
      datetime expires;
      SocketTlsCertificate(socket, subject, issuer, serial, thumbprint, expires);
      Print(subject, " ", StringLen(thumbprint), " ", expires > TimeGMT());
   }
   uchar bytes[];
   // The terminal guesses at first; that it is wrong is no error.
   ResetLastError();
   const uint guessed = SocketIsReadable(socket);
   const int early = InpTls ? SocketTlsReadAvailable(socket, bytes, 1) : SocketRead(socket, bytes, 1, 10);
   Print("guessed ", guessed, " ", early, " ", GetLastError(), " ", SocketIsReadable(socket));
   const int size = StringToCharArray(InpSay, bytes, 0, WHOLE_ARRAY, CP_UTF8) - 1;
   const int sent = InpTls ? SocketTlsSend(socket, bytes, size) : SocketSend(socket, bytes, size);
   Print("sent ", sent, " ", SocketIsConnected(socket), " ", SocketIsWritable(socket));
   Print(Answer(socket));
   Print(Answer(socket));
   uchar none[];
   ResetLastError();
   const int read = InpTls ? SocketTlsRead(socket, none, 1) : SocketRead(socket, none, 1, 50);
   Print("read ", read, " ", GetLastError());
   const bool closed = SocketClose(socket);
   ResetLastError();
   const int late = SocketSend(socket, bytes, 1);
   Print(closed, " ", late, " ", GetLastError());
}
