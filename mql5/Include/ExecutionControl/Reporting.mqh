// A subscriber's reports: each is kept until the plane has it on record, and said again as it was until then.

#include "Execution.mqh"
#include "Session.mqh"

// No frame of reports may be longer than the gateway takes.
#define ECP_REPORTS 200
// What the plane could not decide on (database away) is said again after this.
#define ECP_RETRY_US 100000

struct SUnacked
{
   SReport report;
   ulong frame_id; // in which it was sent last, 0: it was not
};

class CReporting : public CSession
{
private:
   long m_retry_at; // 0: nothing was undecided

protected:
   SUnacked m_unacked[];

   // Something changed that has to survive a restart.
   virtual void Save(void) = 0;

   // Of a delivery only the newest report is said again.
   void Keep(const SReport &report)
   {
      int row = 0;
      while(row < ArraySize(m_unacked) && (m_unacked[row].report.subscription_id != report.subscription_id ||
                                           m_unacked[row].report.delivery_seq != report.delivery_seq))
         row++;
      if(row == ArraySize(m_unacked))
         ArrayResize(m_unacked, row + 1, 64);
      m_unacked[row].report = report;
      m_unacked[row].frame_id = 0;
   }

   void KeepAll(const SReport &reports[])
   {
      for(int i = 0; i < ArraySize(reports); i++)
         Keep(reports[i]);
      if(ArraySize(reports) > 0)
         Save();
   }

   // Sends what was not sent on this connection.
   void Report(void)
   {
      SReport reports[];
      int rows[];
      for(int i = 0; i < ArraySize(m_unacked); i++)
         if(m_unacked[i].frame_id == 0)
         {
            const int count = ArraySize(rows);
            ArrayResize(rows, count + 1, 64);
            rows[count] = i;
            CExecution::Append(reports, m_unacked[i].report);
         }
      for(int first = 0; first < ArraySize(reports) && IsUp(); first += ECP_REPORTS)
      {
         const int count = MathMin(ECP_REPORTS, ArraySize(reports) - first);
         CProtoWriter body;
         WriteReports(body, reports, first, count);
         const ulong id = Send(ECP_FRAME_REPORTS, body);
         for(int i = first; i < first + count && id != 0; i++)
            m_unacked[rows[i]].frame_id = id;
      }
   }

   bool TakeReportAck(CFrame &frame)
   {
      SReportAck ack;
      if(!ReadReportAck(frame.data, frame.body, ack) || ArraySize(ack.verdicts) != ArraySize(ack.delivery_seqs) ||
         ArraySize(ack.verdicts) != ArraySize(ack.subscription_ids))
         return false;
      for(int i = 0; i < ArraySize(ack.verdicts); i++)
      {
         int row = ArraySize(m_unacked) - 1;
         // A report that another has replaced meanwhile is not answered by this.
         while(row >= 0 &&
               (m_unacked[row].frame_id != frame.id || m_unacked[row].report.delivery_seq != ack.delivery_seqs[i] ||
                m_unacked[row].report.subscription_id != ack.subscription_ids[i]))
            row--;
         if(row < 0)
            continue;
         if(ack.verdicts[i] == ECP_REPORT_UNDECIDED)
         {
            m_unacked[row].frame_id = 0;
            m_retry_at = Now() + ECP_RETRY_US;
         }
         else
            ArrayRemove(m_unacked, row, 1);
      }
      for(int i = 0; i < ArraySize(ack.refusals); i++)
      {
         const uint at = ack.refusals[i].index;
         JournalCode(ack.refusals[i].code,
                     at < (uint)ArraySize(ack.delivery_seqs)
                        ? StringFormat("report of delivery %I64u", ack.delivery_seqs[at])
                        : "",
                     ack.refusals[i].hint);
      }
      Save();
      return true;
   }

   // On a new connection nothing was sent yet.
   void Unsend(void)
   {
      for(int i = 0; i < ArraySize(m_unacked); i++)
         m_unacked[i].frame_id = 0;
   }

   bool HasUnsent(void) const { return ArraySize(m_unacked) > 0 && m_unacked[0].frame_id == 0 && m_retry_at == 0; }

   // Whether something of a subscription is not on record yet.
   bool IsReporting(const ulong subscription_id) const
   {
      for(int i = 0; i < ArraySize(m_unacked); i++)
         if(m_unacked[i].report.subscription_id == subscription_id)
            return true;
      return false;
   }

   // What was undecided, after a moment.
   void Retry(void)
   {
      if(m_retry_at == 0 || Now() < m_retry_at)
         return;
      m_retry_at = 0;
      Report();
   }

public:
   CReporting(CTransport *transport, const string token) : CSession(transport, token), m_retry_at(0) {}
};
