// How bytes come and go: a socket, or in the strategy tester a recording.

#include "Hmac.mqh"
#include "Journal.mqh"

class CTransport
{
public:
   virtual ~CTransport(void) {}
   // Connects; false: not now.
   virtual bool Open(void) = 0;
   virtual void Close(void) = 0;
   // false: the connection is gone.
   virtual bool IsOpen(void) = 0;
   // Sends all of it; false: nobody knows how much went out, and the connection is over.
   virtual bool Send(const uchar &bytes[]) = 0;
   // Takes what has arrived, without waiting for more; how many bytes that is.
   virtual int Receive(uchar &bytes[]) = 0;
   // Whether there is somebody at the other end, who answers, and is gone when he is silent for long.
   virtual bool IsLive(void) const { return true; }
   // Microseconds of a clock that never goes back, however the computer's is set.
   virtual long Now(void) const = 0;
};

// TCP, with or without TLS. The terminal asks the trader once to allow the address (Tools, Options, Expert Advisors).
class CSocketTransport : public CTransport
{
private:
   string m_host;
   uint m_port;
   bool m_tls;
   string m_thumbprint;
   uint m_timeout_ms;
   int m_socket;

   // Over TLS, and with the certificate that is expected, if one is.
   bool IsSecure(void)
   {
      string subject, issuer, serial, thumbprint;
      datetime expires = 0;
      // On port 443 the terminal has done the handshake already.
      if(!SocketTlsCertificate(m_socket, subject, issuer, serial, thumbprint, expires))
      {
         if(!SocketTlsHandshake(m_socket, m_host))
            return false;
         if(!SocketTlsCertificate(m_socket, subject, issuer, serial, thumbprint, expires))
            return StringLen(m_thumbprint) == 0;
      }
      if(StringLen(m_thumbprint) == 0)
         return true;
      string expected = m_thumbprint;
      StringToLower(expected);
      StringToLower(thumbprint);
      return expected == thumbprint;
   }

public:
   // thumbprint: of the only certificate to be trusted; empty: any that the system trusts.
   CSocketTransport(const string host, const uint port, const bool tls, const string thumbprint, const uint timeout_ms)
      : m_host(host), m_port(port), m_tls(tls), m_thumbprint(thumbprint), m_timeout_ms(timeout_ms),
        m_socket(INVALID_HANDLE)
   {
   }

   virtual ~CSocketTransport(void) { Close(); }

   virtual bool Open(void)
   {
      Close();
      m_socket = SocketCreate();
      if(m_socket == INVALID_HANDLE)
         return false;
      if(SocketConnect(m_socket, m_host, m_port, m_timeout_ms) && (!m_tls || IsSecure()))
      {
         SocketTimeouts(m_socket, m_timeout_ms, m_timeout_ms);
         return true;
      }
      const int error = GetLastError();
      Close();
      ResetLastError();
      Journal(StringFormat("%s:%u cannot be reached (error %d).%s", m_host, m_port, error,
                           error == 4014 ? " Allow the address: Tools, Options, Expert Advisors." : ""));
      return false;
   }

   virtual void Close(void)
   {
      if(m_socket != INVALID_HANDLE)
         SocketClose(m_socket);
      m_socket = INVALID_HANDLE;
   }

   virtual bool IsOpen(void) { return m_socket != INVALID_HANDLE && SocketIsConnected(m_socket); }

   virtual bool Send(const uchar &bytes[])
   {
      uchar rest[];
      ArrayCopy(rest, bytes);
      while(ArraySize(rest) > 0)
      {
         const int size = ArraySize(rest);
         const int sent = m_socket == INVALID_HANDLE ? -1
                          : m_tls                    ? SocketTlsSend(m_socket, rest, (uint)size)
                                                     : SocketSend(m_socket, rest, (uint)size);
         if(sent <= 0)
         {
            Close();
            return false;
         }
         ArrayRemove(rest, 0, sent);
      }
      return true;
   }

   virtual int Receive(uchar &bytes[])
   {
      if(m_socket == INVALID_HANDLE)
         return 0;
      const uint waiting = SocketIsReadable(m_socket);
      if(waiting == 0)
         return 0;
      // Through TLS fewer bytes come out than came in, and what is left over stays for the next call.
      const int read = m_tls ? SocketTlsReadAvailable(m_socket, bytes, 65536)
                             : SocketRead(m_socket, bytes, (uint)MathMin(waiting, 65536), 1);
      return MathMax(read, 0);
   }

   virtual long Now(void) const { return (long)GetMicrosecondCount(); }
};

// Writes down what another transport receives, for CReplayTransport: in each line a time and bytes.
class CRecordingTransport : public CTransport
{
private:
   CTransport *m_inner;
   int m_file;

public:
   // Takes inner over.
   CRecordingTransport(CTransport *inner, const string name)
      : m_inner(inner), m_file(FileOpen(name, FILE_WRITE | FILE_TXT | FILE_ANSI))
   {
   }

   virtual ~CRecordingTransport(void)
   {
      if(m_file != INVALID_HANDLE)
         FileClose(m_file);
      delete m_inner;
   }

   virtual bool Open(void) { return m_inner.Open(); }
   virtual void Close(void) { m_inner.Close(); }
   virtual bool IsOpen(void) { return m_inner.IsOpen(); }
   virtual bool Send(const uchar &bytes[]) { return m_inner.Send(bytes); }
   virtual long Now(void) const { return m_inner.Now(); }

   virtual int Receive(uchar &bytes[])
   {
      const int count = m_inner.Receive(bytes);
      if(count > 0 && m_file != INVALID_HANDLE)
      {
         uchar part[];
         ArrayCopy(part, bytes, 0, 0, count);
         FileWriteString(m_file, StringFormat("%I64d %s\n", (long)TimeGMT() * 1000000, ToHex(part)));
         FileFlush(m_file);
      }
      return count;
   }
};

// Plays a recording back, each line at its time by the tester's clock. What is sent is counted and goes nowhere; the
// answers are those of the recording, which is why a session goes by what a frame is and not by its number.
class CReplayTransport : public CTransport
{
private:
   string m_name;
   int m_file;
   long m_due;
   string m_hex;
   int m_sent;

   void Advance(void)
   {
      m_hex = "";
      if(m_file == INVALID_HANDLE || FileIsEnding(m_file))
         return;
      const string line = FileReadString(m_file);
      const int space = StringFind(line, " ");
      if(space <= 0)
         return;
      m_due = StringToInteger(StringSubstr(line, 0, space));
      m_hex = StringSubstr(line, space + 1);
   }

public:
   CReplayTransport(const string name) : m_name(name), m_file(INVALID_HANDLE), m_due(0), m_hex(""), m_sent(0) {}

   virtual ~CReplayTransport(void) { Close(); }

   int Sent(void) const { return m_sent; }

   virtual bool Open(void)
   {
      if(m_file != INVALID_HANDLE)
         return true;
      m_file = FileOpen(m_name, FILE_READ | FILE_TXT | FILE_ANSI);
      Advance();
      return m_file != INVALID_HANDLE;
   }

   virtual void Close(void)
   {
      if(m_file != INVALID_HANDLE)
         FileClose(m_file);
      m_file = INVALID_HANDLE;
   }

   virtual bool IsOpen(void) { return m_file != INVALID_HANDLE; }

   virtual bool IsLive(void) const { return false; }

   virtual bool Send(const uchar &bytes[])
   {
      m_sent += ArraySize(bytes);
      return IsOpen();
   }

   virtual int Receive(uchar &bytes[])
   {
      if(StringLen(m_hex) == 0 || m_due > (long)TimeGMT() * 1000000)
         return 0;
      const bool is_hex = FromHex(m_hex, bytes);
      Advance();
      return is_hex ? ArraySize(bytes) : 0;
   }

   virtual long Now(void) const { return (long)TimeGMT() * 1000000; }
};
