// The execution guard: the subscriber's own last look at a delivery, immediately before the order.

#include "Errors.mqh"
#include "Hmac.mqh"
#include "Messages.mqh"
#include "Scaled.mqh"

// Of the subscription, by the plane's word; and that something is missing, by the guard's own counting.
enum ENUM_GUARD_STATE
{
   GUARD_SYNCED,
   GUARD_DEGRADED_GAP,
   GUARD_LOCKED_NO_FUNDS,
   GUARD_PAUSED_TOXIC,
   GUARD_PAUSED_BY_USER,
   GUARD_ENDED,
   GUARD_UNTOLD // the plane has said nothing yet, or a word that this version does not know
};

// Where a delivery stands: only the next one may be processed; a hole is a loss, to be resent.
enum ENUM_GUARD_PLACE
{
   GUARD_NEXT,
   GUARD_SEEN,
   GUARD_HOLE,
   GUARD_FOREIGN // of another subscription
};

enum ENUM_GUARD_SIGNATURE
{
   GUARD_UNSIGNED, // the deliveries of protocol 1: TLS and the session vouch for them
   GUARD_SIGNED,
   GUARD_FORGED
};

// What is so at the moment of the order. What is not known stays 0 and refuses what depends on it.
struct SMoment
{
   long plane_time_us;
   long price_e8;        // at which it would be filled now
   double margin_needed; // in the account's currency
   double margin_free;
   ENUM_GUARD_SIGNATURE signature;
};

class CExecutionGuard
{
private:
   ulong m_subscription_id;
   double m_max_deviation_pips;
   int m_max_ttl_ms;
   CHmacSha256 m_hmac;
   ulong m_last;
   ENUM_GUARD_STATE m_state;
   ulong m_told_at; // the newest delivery when the plane told the state
   bool m_is_missing;

   // In the order in which they are asked. Empty: nothing against it.

   string Sequence(const SDelivery &delivery) const
   {
      switch(Place(delivery.subscription_id, delivery.delivery_seq))
      {
      case GUARD_NEXT:
         return "";
      case GUARD_SEEN:
         return TR_REPLAY;
      case GUARD_HOLE:
         return TR_GAP;
      default:
         return TR_UNKNOWN_SUBSCRIPTION;
      }
   }

   string Age(const SDelivery &delivery, const SMoment &moment) const
   {
      // Without a clock nothing can be said to be fresh.
      if(moment.plane_time_us <= 0)
         return TR_TTL_EXPIRED;
      if(delivery.expires_at_us > 0 && moment.plane_time_us > delivery.expires_at_us)
         return TR_TTL_EXPIRED;
      if(m_max_ttl_ms > 0 && moment.plane_time_us - delivery.sent_at_us > 1000 * (long)m_max_ttl_ms)
         return TR_TTL_EXPIRED;
      return "";
   }

   string Deviation(const SDelivery &delivery, const SMoment &moment, const long pip_e8) const
   {
      // A pending order brings its own price.
      if(delivery.action == ECP_PLACE)
         return "";
      if(moment.price_e8 <= 0)
         return TR_PRICE_DEVIATION;
      const long moved = MathAbs(moment.price_e8 - delivery.price_e8);
      if(delivery.max_deviation_e8 > 0 && moved > delivery.max_deviation_e8)
         return TR_PRICE_DEVIATION;
      // A limit in pips says nothing where it is not known what a pip is.
      if(m_max_deviation_pips > 0 && (pip_e8 <= 0 || (double)moved > m_max_deviation_pips * (double)pip_e8))
         return TR_PRICE_DEVIATION;
      if(delivery.worst_price_e8 == 0)
         return "";
      const bool is_buy = delivery.side == ECP_BUY;
      const bool is_worse =
         is_buy ? moment.price_e8 > delivery.worst_price_e8 : moment.price_e8 < delivery.worst_price_e8;
      return is_worse ? TR_PRICE_DEVIATION : "";
   }

   string Funds(const SMoment &moment) const
   {
      if(!MathIsValidNumber(moment.margin_needed) || !MathIsValidNumber(moment.margin_free))
         return TR_MARGIN_TOO_LOW;
      return moment.margin_needed > moment.margin_free ? TR_MARGIN_TOO_LOW : "";
   }

   string Signature(const SMoment &moment) const { return moment.signature == GUARD_FORGED ? TR_BAD_SIGNATURE : ""; }

   string State(const SDelivery &delivery) const
   {
      // What was decided after the plane told the state is its newer word: it opens in no state but SYNCED.
      if(m_state != GUARD_UNTOLD && delivery.delivery_seq > m_told_at)
         return "";
      return m_state == GUARD_SYNCED ? "" : TR_NOT_SYNCED;
   }

public:
   // The limits are the subscriber's own, beside those that a delivery brings; 0: none. Whichever is stricter counts.
   CExecutionGuard(const ulong subscription_id, const double max_deviation_pips, const int max_ttl_ms)
      : m_subscription_id(subscription_id), m_max_deviation_pips(max_deviation_pips), m_max_ttl_ms(max_ttl_ms),
        m_last(0), m_state(GUARD_UNTOLD), m_told_at(0), m_is_missing(false)
   {
   }

   ulong SubscriptionId(void) const { return m_subscription_id; }
   ulong Last(void) const { return m_last; }

   ENUM_GUARD_STATE State(void) const { return m_state == GUARD_SYNCED && m_is_missing ? GUARD_DEGRADED_GAP : m_state; }

   // A hole was seen, and what is missing was asked for; until it comes nothing behind it is processed.
   void Missing(void) { m_is_missing = true; }

   ENUM_GUARD_PLACE Place(const ulong subscription_id, const ulong delivery_seq) const
   {
      if(subscription_id != m_subscription_id)
         return GUARD_FOREIGN;
      if(delivery_seq <= m_last)
         return GUARD_SEEN;
      return delivery_seq == m_last + 1 ? GUARD_NEXT : GUARD_HOLE;
   }

   // Why the delivery must not be executed now: a code of docs/errors.md, empty: nothing against it. Only the sequence and
   // a tag can speak against what manages or cuts exposure.
   string Refusal(const SDelivery &delivery, const SMoment &moment, const long pip_e8) const
   {
      string code = Sequence(delivery);
      // An opening that is not to be tried, or not again; it says nothing but that.
      if(code == "" && delivery.gap_fill)
         code = TR_TTL_EXPIRED;
      const bool raises = RaisesExposure(delivery.action);
      if(code == "" && raises)
         code = Age(delivery, moment);
      if(code == "" && raises)
         code = Deviation(delivery, moment, pip_e8);
      if(code == "" && raises)
         code = Funds(moment);
      if(code == "")
         code = Signature(moment);
      if(code == "" && raises)
         code = State(delivery);
      return code;
   }

   // The delivery was processed, whatever came of it.
   void Processed(const ulong delivery_seq)
   {
      if(delivery_seq != m_last + 1)
         return;
      m_last = delivery_seq;
      m_is_missing = false;
   }

   // From a state file, or the broker's history.
   void Restore(const ulong last) { m_last = last; }

   // The plane skips what is older than it keeps and was answered, at the first delivery after a Subscribed or Resend.
   void SkipTo(const ulong delivery_seq)
   {
      if(delivery_seq > m_last)
         m_last = delivery_seq - 1;
   }

   // The plane's word for the state of the subscription, and the newest delivery that it had decided by then.
   void Told(const string state, const ulong newest)
   {
      m_told_at = newest;
      if(state == "SYNCED")
         m_state = GUARD_SYNCED;
      else if(state == "DEGRADED_GAP")
         m_state = GUARD_DEGRADED_GAP;
      else if(state == "LOCKED_NO_FUNDS")
         m_state = GUARD_LOCKED_NO_FUNDS;
      else if(state == "PAUSED_TOXIC")
         m_state = GUARD_PAUSED_TOXIC;
      else if(state == "PAUSED_BY_USER")
         m_state = GUARD_PAUSED_BY_USER;
      else if(state == "ENDED")
         m_state = GUARD_ENDED;
      else
         m_state = GUARD_UNTOLD;
   }

   // For what carries a tag.
   bool SetKey(const uchar &key[]) { return m_hmac.SetKey(key); }

   // No key, no trust: a tag that cannot be checked is a wrong one.
   ENUM_GUARD_SIGNATURE Verify(const uchar &payload[], const uchar &tag[]) const
   {
      if(ArraySize(tag) == 0)
         return GUARD_UNSIGNED;
      return m_hmac.Matches(payload, tag) ? GUARD_SIGNED : GUARD_FORGED;
   }
};
