// One license's connection to the plane: it comes up, is kept alive, and comes back.

#include "Clock.mqh"
#include "Journal.mqh"
#include "Transport.mqh"
#include "Wire.mqh"

#define ECP_PROTOCOL 1
#define ECP_CLIENT "ExecutionControl.mqh/1.0"
#define ECP_INSTANCE_SIZE 16
#define ECP_BACKOFF_US 250000
#define ECP_BACKOFF_LIMIT_US 30000000
// An answer that takes longer will not come any more.
#define ECP_SILENCE_US 15000000

class CSession : public CPlaneClock
{
private:
   CTransport *m_transport;
   string m_token;
   CFrameSplitter m_splitter;
   bool m_is_dialled;
   bool m_is_welcome;
   ulong m_next_id;
   long m_next_try;
   long m_backoff;
   long m_heard_at;
   long m_beat_at;
   long m_beat_due;
   long m_beat_every;
   long m_offset; // the plane's clock less ours; 0: not known
   uint m_max_frame_bytes;

   // Longer each time, and not the same for all that the same gateway has lost.
   void BackOff(void)
   {
      const long spread = m_backoff / 256 * m_instance[0] / 2;
      m_next_try = Now() + m_backoff + spread;
      m_backoff = MathMin(2 * m_backoff, ECP_BACKOFF_LIMIT_US);
   }

   void Hang(void)
   {
      const bool was_up = m_is_welcome;
      m_transport.Close();
      m_is_dialled = false;
      m_is_welcome = false;
      BackOff();
      if(was_up)
         OnDown();
   }

   void Dial(void)
   {
      if(!m_transport.Open())
      {
         BackOff();
         return;
      }
      m_is_dialled = true;
      m_splitter.Reset();
      m_heard_at = Now();
      m_beat_at = Now();
      SHello hello;
      ZeroMemory(hello);
      hello.protocol = ECP_PROTOCOL;
      hello.token = m_token;
      ArrayCopy(hello.instance, m_instance);
      hello.client = ECP_CLIENT;
      hello.client_time_us = (long)TimeGMT() * 1000000;
      CProtoWriter body;
      WriteHello(body, hello);
      Send(ECP_FRAME_HELLO, body);
   }

   // The plane's clock was so when ours stood half-way between sending and receiving.
   void Measure(const long plane_time_us)
   {
      if(plane_time_us > 0)
         m_offset = plane_time_us - (m_beat_at + Now()) / 2;
   }

   void Take(CFrame &frame)
   {
      m_heard_at = Now();
      switch(frame.kind)
      {
      case ECP_FRAME_WELCOME:
      {
         SWelcome welcome;
         // In a recording a lost connection shows by the next Welcome.
         if((m_is_welcome && m_transport.IsLive()) || !ReadWelcome(frame.data, frame.body, welcome))
            break;
         Measure(welcome.plane_time_us);
         m_is_welcome = true;
         m_beat_every = MathMax((long)welcome.heartbeat_ms, 100) * 1000;
         m_beat_due = Now() + m_beat_every;
         m_max_frame_bytes = welcome.max_frame_bytes;
         Journal("connected as " + welcome.account);
         OnUp();
         return;
      }
      case ECP_FRAME_HEARTBEAT_ACK:
      {
         long client_time_us = 0;
         long plane_time_us = 0;
         if(!ReadHeartbeatAck(frame.data, frame.body, client_time_us, plane_time_us))
            break;
         // Only the answer to the newest measures it.
         if(client_time_us == m_beat_at)
            Measure(plane_time_us);
         // The connection has held for a while.
         m_backoff = ECP_BACKOFF_US;
         return;
      }
      case ECP_FRAME_ERROR:
      {
         SError error;
         if(!ReadError(frame.data, frame.body, error))
            break;
         JournalCode(error.code, error.detail, error.hint);
         if(error.fatal)
            Hang();
         else
            OnError(frame.id, error);
         return;
      }
      case ECP_FRAME_GOODBYE:
         Hang();
         return;
      default:
         if(m_is_welcome && OnFrame(frame))
            return;
      }
      // What cannot be read is not guessed at: a new connection says it all again.
      JournalCode(TR_FRAME_MALFORMED, StringFormat("from the plane, frame %d", frame.kind));
      Hang();
   }

   void Listen(void)
   {
      uchar bytes[];
      CFrame frame;
      int count = m_transport.Receive(bytes);
      while(count > 0 && m_is_dialled)
      {
         m_splitter.Feed(bytes, count);
         while(m_is_dialled && m_splitter.Next(frame))
            Take(frame);
         if(m_is_dialled && m_splitter.Fault() != "")
         {
            JournalCode(m_splitter.Fault(), "from the plane");
            Hang();
         }
         count = m_is_dialled ? m_transport.Receive(bytes) : 0;
      }
   }

protected:
   uchar m_instance[ECP_INSTANCE_SIZE];

   // After Welcome; before each heartbeat; when a connection that was up has ended.
   virtual void OnUp(void) = 0;
   virtual void OnBeat(void) = 0;
   virtual void OnDown(void) = 0;
   // An Error that does not end the connection.
   virtual void OnError(const ulong id, const SError &error) = 0;
   // Any other frame; false: it cannot be read.
   virtual bool OnFrame(CFrame &frame) = 0;

   bool IsUp(void) const { return m_is_welcome; }
   uint MaxFrameBytes(void) const { return m_max_frame_bytes; }
   long Now(void) const { return m_transport.Now(); }

   // The frame's number, 0: it could not be sent, and OnDown has been called if the connection was up.
   ulong Send(const ENUM_ECP_FRAME kind, const CProtoWriter &body)
   {
      if(!m_is_dialled)
         return 0;
      uchar bytes[];
      const ulong id = m_next_id++;
      WriteFrame(kind, body, id, bytes);
      if(m_transport.Send(bytes))
         return id;
      Journal("the connection was lost");
      Hang();
      return 0;
   }

   // A new identity, for whoever has lost his. Nobody has to be unable to guess it, but no two may be alike.
   void MakeInstance(void)
   {
      uchar seed[];
      uchar digest[];
      MathSrand((int)GetTickCount());
      const string text =
         StringFormat("%I64d %I64u %I64d %d %d %s %s", AccountInfoInteger(ACCOUNT_LOGIN), GetMicrosecondCount(),
                      (long)TimeLocal(), MathRand(), MathRand(), TerminalInfoString(TERMINAL_DATA_PATH), m_token);
      StringToCharArray(text, seed, 0, WHOLE_ARRAY, CP_UTF8);
      Sha256(seed, digest);
      ArrayCopy(m_instance, digest, 0, 0, ECP_INSTANCE_SIZE);
   }

public:
   // Takes transport over.
   CSession(CTransport *transport, const string token)
      : m_transport(transport), m_token(token), m_is_dialled(false), m_is_welcome(false), m_next_id(1), m_next_try(0),
        m_backoff(ECP_BACKOFF_US), m_heard_at(0), m_beat_at(0), m_beat_due(0), m_beat_every(1000000), m_offset(0),
        m_max_frame_bytes(65536)
   {
      ArrayInitialize(m_instance, 0);
   }

   virtual ~CSession(void) { delete m_transport; }

   virtual long PlaneTime(void) const { return m_offset == 0 ? 0 : Now() + m_offset; }

   // Does what is due, and waits for nothing but a connection. Call it often.
   void Poll(void)
   {
      if(!m_is_dialled)
      {
         if(Now() < m_next_try)
            return;
         Dial();
      }
      Listen();
      if(!m_is_dialled)
         return;
      if(!m_transport.IsOpen() || (m_transport.IsLive() && Now() - m_heard_at > ECP_SILENCE_US))
      {
         Journal("the connection was lost");
         Hang();
         return;
      }
      if(m_is_welcome && Now() >= m_beat_due)
      {
         m_beat_due = Now() + m_beat_every;
         m_beat_at = Now();
         CProtoWriter body;
         body.Long(1, m_beat_at);
         if(Send(ECP_FRAME_HEARTBEAT, body) != 0)
            OnBeat();
      }
   }

   // Frees the license at once.
   void Logout(void)
   {
      CProtoWriter body;
      if(m_is_welcome)
         Send(ECP_FRAME_LOGOUT, body);
      m_transport.Close();
      m_is_dialled = false;
      m_is_welcome = false;
   }
};
