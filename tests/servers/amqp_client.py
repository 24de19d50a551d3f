"""A client of RabbitMQ (python3-pika): publishes numbered persistent messages with confirms, or consumes them and looks that none is lost.

usage: amqp_client.py publish|consume[-quorum] PORT QUEUE COUNT [FIRST]
"""
import sys
import time

import pika

WINDOW = 2000  # messages that may wait for their confirms


def connection(port):
    return pika.ConnectionParameters("127.0.0.1", port, heartbeat=0, connection_attempts=5, retry_delay=1)


def body(number):
    return b"message %d " % number + b"x" * (number % 200)


def arguments(kind):
    return {"x-queue-type": kind}


class Publisher:
    """Publishes with at most WINDOW messages unconfirmed; ends when all are confirmed."""

    def __init__(self, port, queue, kind, count, first):
        self.kind = kind
        self.queue, self.first, self.count = queue, first, count
        self.sent = self.confirmed = self.refused = self.returned = 0
        self.waiting = {}
        self.connection = pika.SelectConnection(
            connection(port), on_open_callback=self.opened, on_open_error_callback=self.failed, on_close_callback=self.closed)

    def failed(self, _connection, why):
        sys.exit(f"no connection: {why}")

    def closed(self, connection, why):
        connection.ioloop.stop()
        if self.confirmed < self.count:
            sys.exit(f"closed after {self.confirmed} confirms: {why}")

    def opened(self, connection):
        connection.channel(on_open_callback=self.channel_opened)

    def channel_opened(self, channel):
        self.channel = channel
        channel.add_on_return_callback(self.returned_one)
        channel.queue_declare(self.queue, durable=True, arguments=arguments(self.kind), callback=self.declared)

    def declared(self, _frame):
        self.channel.confirm_delivery(ack_nack_callback=self.confirm, callback=lambda _frame: self.more())

    def more(self):
        properties = pika.BasicProperties(delivery_mode=2, content_type="text/plain")
        while self.sent < self.count and self.sent - self.confirmed < WINDOW:
            self.channel.basic_publish("", self.queue, body(self.first + self.sent), properties, mandatory=True)
            self.sent += 1
            self.waiting[self.sent] = True

    def returned_one(self, *_):
        self.returned += 1

    def confirm(self, frame):
        method = frame.method
        if not isinstance(method, pika.spec.Basic.Ack):
            self.refused += 1
        tags = [t for t in self.waiting if t <= method.delivery_tag] if method.multiple else [method.delivery_tag]
        self.confirmed += len(tags)
        for tag in tags:
            del self.waiting[tag]
        if self.confirmed >= self.count:
            self.connection.close()
        elif self.sent - self.confirmed < WINDOW // 2:
            self.more()


def publish(port, queue, kind, count, first):
    publisher = Publisher(port, queue, kind, count, first)
    publisher.connection.ioloop.start()
    if publisher.refused or publisher.returned:
        sys.exit(f"{publisher.refused} refused, {publisher.returned} returned")
    return publisher.confirmed


def consume(port, queue, kind, count, first):
    channel = pika.BlockingConnection(connection(port)).channel()
    channel.queue_declare(queue, durable=True, arguments=arguments(kind))
    channel.basic_qos(prefetch_count=1000)
    seen = 0
    for method, _properties, got in channel.consume(queue, inactivity_timeout=20):
        if method is None:
            sys.exit(f"only {seen} messages came")
        if got != body(first + seen):
            sys.exit(f"after {seen} messages came {got!r}")
        seen += 1
        if seen % 500 == 0 or seen == count:
            channel.basic_ack(method.delivery_tag, multiple=True)
        if seen == count:
            break
    channel.cancel()
    left = channel.queue_declare(queue, passive=True).method.message_count
    channel.connection.close()
    if left:
        sys.exit(f"{left} messages are left after {seen}")
    return seen


def main():
    (what, _, kind), port, queue, count = sys.argv[1].partition("-"), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    first = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    started = time.time()
    done = {"publish": publish, "consume": consume}[what](port, queue, kind or "classic", count, first)
    print(f"{sys.argv[1]} {queue}: {done} in {time.time() - started:.1f} s")


main()
