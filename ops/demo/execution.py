"""From a delivery to orders at the broker, and to the report of what came of them."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

from gateway import ecp_pb2 as pb
from ops.demo import guard
from ops.demo.attribution import Attribution, Copy, Decision, Key, read_comment
from ops.demo.broker import Deal, NoAnswer, Order, OrderType, PaperBroker, Rejected, Requoted
from ops.demo.market import Moment

# What manages or cuts exposure is asked for so often before the plane is told that it cannot be had.
ATTEMPTS = 3
ORDER_TYPES: dict[int, OrderType] = {pb.LIMIT: "LIMIT", pb.STOP: "STOP"}


class Execution:
    """Executes deliveries, in the order in which it gets them. `unanswered`: sent, and no word of what came of it."""

    def __init__(self, broker: PaperBroker) -> None:
        self.broker = broker
        self.books = Attribution(broker)
        self.unanswered: dict[tuple[int, int], Decision] = {}
        self.retries = 0
        self._is_history_lost = bool(broker.positions) and not self.books.known()
        self._adopt_stops()

    def look(self, market_us: int) -> None:
        """Let the market pass, and see what it did to the account."""
        self.broker.advance(market_us)
        self.books.read(is_expected=False)

    def execute(self, delivery: pb.Delivery, moment: Moment) -> pb.Report:
        """Do it, unless it was done already. The report lacks only `received_at_us`."""
        self.look(moment.market_us)
        decision = Decision(delivery.subscription_id, delivery.delivery_seq, delivery.position_id)
        report = _blank(decision)
        try:
            if delivery.gap_fill or delivery.action in guard.RAISES_EXPOSURE:
                self._raise(delivery, decision, moment, report)
            else:
                self._manage(delivery, decision, moment, report)
        except Rejected:
            report.status, report.code = pb.FAILED, guard.BROKER_REJECTED
            # Part of it may be done nevertheless: the plane finds that in the book.
            if done := self.books.deals(*decision[:2]):
                self.books.surprise(decision.key, done)
        except NoAnswer:
            report.status, report.code = pb.UNKNOWN, guard.NO_ANSWER
            self.unanswered[decision[:2]] = decision
        with suppress(Rejected):
            self._arrange_stops()
        return report

    def answered(self) -> list[pb.Report]:
        """The reports of orders that turned out to be done after all."""
        self.books.read(is_expected=False)
        reports = []
        for decision in list(self.unanswered.values()):
            report = _blank(decision)
            if self._is_done(decision, report):
                del self.unanswered[decision[:2]]
                self.books.explained(decision.key)
                reports.append(report)
        return reports

    def abandoned(self) -> list[pb.Report]:
        """The reports of orders that the history does not have: given up."""
        reports = [_blank(decision) for decision in self.unanswered.values()]
        for report in reports:
            report.status, report.code = pb.FAILED, guard.NO_ANSWER
        self.unanswered.clear()
        return reports

    def recall(self, limit: int) -> list[pb.Report]:
        """The reports of what the broker's history has last, in order."""
        reports = []
        for decision in self.books.known()[-limit:]:
            reports.append(_blank(decision))
            self._is_done(decision, reports[-1])
        return reports

    def holdings(self, subscription_id: int) -> list[pb.Holding]:
        """The book of the subscription; of a netting account all of it: net positions, and pending orders."""
        self.books.read(is_expected=False)
        if self.broker.mode == "NETTING":
            held = [
                pb.Holding(
                    ticket=position.ticket, symbol=position.symbol, side=position.side, volume_e8=position.volume,
                    price_e8=position.price, stop_loss_e8=position.stop_loss, take_profit_e8=position.take_profit,
                )
                for position in self.broker.positions.values()
            ]  # fmt: skip
        else:
            held = [
                pb.Holding(
                    ticket=copy.ticket, position_id=key.position_id, delivery_seq=copy.delivery_seq, symbol=copy.symbol,
                    side=copy.side, volume_e8=copy.volume, price_e8=copy.price,
                    stop_loss_e8=self.broker.positions[copy.ticket].stop_loss,
                    take_profit_e8=self.broker.positions[copy.ticket].take_profit,
                )
                for key, copy in self.books.copies.items()
                if key.subscription_id == subscription_id
            ]  # fmt: skip
        return held + [
            pb.Holding(
                ticket=order.ticket, position_id=decision.position_id, delivery_seq=decision.delivery_seq,
                symbol=order.symbol, side=order.side, volume_e8=order.volume, price_e8=order.price,
                stop_loss_e8=order.stop_loss, take_profit_e8=order.take_profit,
                order_type=order.order_type,
            )
            for order, decision in self.books.all_pending()
            if decision.subscription_id == subscription_id or self.broker.mode == "NETTING"
        ]  # fmt: skip

    # What raises exposure: tried once

    def _raise(self, delivery: pb.Delivery, decision: Decision, moment: Moment, report: pb.Report) -> None:
        if self._is_done(decision, report):
            return
        price = 0
        if not delivery.gap_fill:
            price = self.broker.quote(delivery.symbol, moment.market_us).to_open(guard.side_of(delivery))
        for attempt in count(1):
            if code := guard.refusal(delivery, plane_time_us=moment.now_us, price=price):
                report.status, report.code = pb.REJECTED, code
                return
            try:
                self._send_opening(delivery, decision, moment)
            except Requoted as requoted:
                price = requoted.price
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        self.books.read()
        self._is_done(decision, report)

    def _send_opening(self, delivery: pb.Delivery, decision: Decision, moment: Moment) -> None:
        side, comment = guard.side_of(delivery), decision.comment
        # A net position has one pair of stops, so they are arranged once it is known whose it is.
        is_own = self.broker.mode == "HEDGING" or delivery.action == pb.PLACE
        stop_loss, take_profit = (delivery.stop_loss_e8, delivery.take_profit_e8) if is_own else (0, 0)
        if delivery.action == pb.OPEN:
            self.broker.trade(
                delivery.symbol, side, delivery.volume_e8, moment,
                stop_loss=stop_loss, take_profit=take_profit, comment=comment,
            )  # fmt: skip
            self.books.read()
            self._note_stops(decision.key, delivery)
            return
        order_type = ORDER_TYPES.get(delivery.order_type)
        if order_type is None:
            raise Rejected("there are no such orders here")
        self.broker.place(
            delivery.symbol, side, order_type, delivery.volume_e8, delivery.price_e8, moment,
            stop_loss=stop_loss, take_profit=take_profit, comment=comment,
        )  # fmt: skip

    # What manages or cuts exposure: until it is done

    def _manage(self, delivery: pb.Delivery, decision: Decision, moment: Moment, report: pb.Report) -> None:
        key = decision.key
        copy, order = self._copy(delivery, key), self.books.pending(key)
        cuts = delivery.action in (pb.CLOSE, pb.CANCEL, pb.PARTIAL_CLOSE)
        if copy is None and order is None:
            # What the market closed is told as what came of the close; a close that was done already, as it was.
            done = self.books.deals(*decision[:2]) or (self.books.closed_by_market(key) if cuts else [])
            if done:
                self._tell(report, self.books.tickets[key], done)
            else:
                report.status, report.code = pb.REJECTED, guard.NO_POSITION
            return
        if not cuts:
            ticket = self._move(delivery, key, copy, order)
            report.status, report.ticket, report.executed_at_us = pb.EXECUTED, ticket, moment.now_us
            return
        target = delivery.volume_e8 if delivery.action == pb.PARTIAL_CLOSE else 0
        if order is not None:
            self._shrink(order, target, moment, report)
        if copy is not None:
            self._reduce(copy, target, decision, moment)
            done = self.books.deals(*decision[:2])
            self._tell(report, copy.ticket, done)
            if not done:
                report.executed_at_us = moment.now_us

    def _copy(self, delivery: pb.Delivery, key: Key) -> Copy | None:
        """The copy; if there is no history of the account, what the plane says of it."""
        if not self._is_history_lost or key in self.books.tickets:
            return self.books.copies.get(key)
        netting = self.broker.mode == "NETTING"
        held = self.broker.net(delivery.symbol) if netting else self.broker.positions.get(delivery.ticket)
        volume = delivery.held_volume_e8 if netting else held.volume if held else 0
        if held is None or not volume:
            return None
        side = guard.side_of(delivery)
        copy = Copy(held.symbol, side, delivery.ticket or held.ticket, 0, volume, held.price)
        self.books.copies[key], self.books.tickets[key] = copy, copy.ticket
        return copy

    def _move(self, delivery: pb.Delivery, key: Key, copy: Copy | None, order: Order | None) -> int:
        """Stops and, of a pending order, the price; the ticket that it was done to."""
        stops = delivery.stop_loss_e8, delivery.take_profit_e8
        if order is not None:
            price = delivery.price_e8 if delivery.action == pb.AMEND else order.price
            self._insist(lambda: self.broker.amend(order.ticket, order.volume, price, *stops))
            return order.ticket
        assert copy is not None
        self._note_stops(key, delivery)
        if self.broker.mode == "HEDGING":
            self._insist(lambda: self.broker.modify(copy.ticket, *stops))
        return copy.ticket

    def _shrink(self, order: Order, target: int, moment: Moment, report: pb.Report) -> None:
        taken = order.volume - target
        if target:
            self._insist(
                lambda: self.broker.amend(order.ticket, target, order.price, order.stop_loss, order.take_profit)
            )
        else:
            self._insist(lambda: self._cancel(order))
        report.status, report.ticket = pb.EXECUTED, order.ticket
        report.price_e8, report.volume_e8, report.executed_at_us = order.price, taken, moment.now_us

    def _cancel(self, order: Order) -> None:
        if order.ticket in self.broker.orders:
            self.broker.cancel(order.ticket)

    def _reduce(self, copy: Copy, target: int, decision: Decision, moment: Moment) -> None:
        """Trade until no more than `target` is left of the copy, whatever else the account holds."""
        refused = 0
        while copy.volume > target:
            try:
                self.broker.trade(
                    copy.symbol, "SELL" if copy.side == "BUY" else "BUY", copy.volume - target, moment,
                    position=copy.ticket, comment=decision.comment,
                )  # fmt: skip
            except Rejected:
                refused += 1
                if refused == ATTEMPTS:
                    raise
                self.retries += 1
            self.books.read()

    def _insist(self, order: Callable[[], object]) -> None:
        """For what may be done twice without harm: no answer is asked for again, like a refusal."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                order()
            except (Rejected, NoAnswer) as error:
                if attempt == ATTEMPTS:
                    raise Rejected from error
                self.retries += 1
            else:
                return

    # Netting: one pair of stops for a symbol

    def _note_stops(self, key: Key, delivery: pb.Delivery) -> None:
        if key in self.books.copies:
            copy = self.books.copies[key]
            copy.stop_loss, copy.take_profit = delivery.stop_loss_e8, delivery.take_profit_e8

    def _adopt_stops(self) -> None:
        """After a restart: what the broker has."""
        for position in self.broker.positions.values():
            owners = self.books.in_symbol(position.symbol)
            if self.broker.mode == "NETTING" and len(owners) == 1:
                owners[0].stop_loss, owners[0].take_profit = position.stop_loss, position.take_profit

    def _arrange_stops(self) -> None:
        """A net position has stops at the broker while it is one copy's alone; otherwise its masters' closes are its
        stops."""
        if self.broker.mode == "HEDGING":
            return
        for position in list(self.broker.positions.values()):
            owners = self.books.in_symbol(position.symbol)
            stops = (owners[0].stop_loss, owners[0].take_profit) if len(owners) == 1 else (0, 0)
            if stops != (position.stop_loss, position.take_profit):
                self._insist(partial(self.broker.modify, position.ticket, *stops))

    # Reports

    def _is_done(self, decision: Decision, report: pb.Report) -> bool:
        """Whether the broker's history knows the decision; then the report says what it says."""
        if order := self.books.placed(*decision[:2]):
            report.status, report.ticket, report.price_e8 = pb.EXECUTED, order.ticket, order.price
            report.volume_e8, report.executed_at_us = order.volume, order.time_us
        elif deals := self.books.deals(*decision[:2]):
            # A gap fill need not say of which position it is; the comment does.
            of = read_comment(deals[0].comment)
            self._tell(report, self.books.tickets[of.key if of else decision.key], deals)
        return report.status == pb.EXECUTED

    @staticmethod
    def _tell(report: pb.Report, ticket: int, deals: list[Deal]) -> None:
        report.status, report.ticket = pb.EXECUTED, ticket
        if deals:
            volume = sum(deal.volume for deal in deals)
            report.price_e8 = sum(deal.price * deal.volume for deal in deals) // volume
            report.volume_e8 = volume
            report.executed_at_us = deals[-1].time_us


def _blank(decision: Decision) -> pb.Report:
    return pb.Report(subscription_id=decision.subscription_id, delivery_seq=decision.delivery_seq)
