"""Compares how three parsers understand the same bytes from a WebSocket client: ours, websockets and wsproto.

Ours may refuse what the others accept, for the reasons listed in STRICTER. It fails the run to

- accept an event that both others refuse (laxer than both),
- find another message, or another end, than another parser that goes on as far, or
- close with another code than the others where those agree.
"""

import argparse
import collections
import os
import random
import struct
import subprocess
import sys
import time

import websockets.exceptions
import websockets.frames
import websockets.protocol
import websockets.server
import wsproto.frame_protocol as wsproto

LIMIT = 1000

# Refusals where both others go on, and why that is right.
STRICTER = {
    "invalidText": "at the first byte that cannot be right; the others go on to the end of the frame or message",
}
# Registered after wsproto's list was made; and websockets takes no Close amid a message.
NEWER_CODE = 1014

# `end` is "open", "closed", or ("refused", code).
Connection = collections.namedtuple("Connection", "events end")


def understand_websockets(data):
    protocol = websockets.server.ServerProtocol(max_size=LIMIT, state=websockets.protocol.OPEN)
    protocol.receive_data(data)
    events, message, kind = [], b"", None
    for frame in protocol.events_received():
        name = frame.opcode.name.lower()
        if name in ("ping", "pong"):
            events.append((name, bytes(frame.data)))
        elif name == "close":
            close = protocol.close_rcvd
            events.append(("close", int(close.code), close.reason.encode()))
            return Connection(events, "closed")
        else:
            kind, message = kind or name, message + bytes(frame.data)
            if frame.fin:
                # The layer above this one decodes text.
                if kind == "text" and not is_text(message):
                    return Connection(events, ("refused", 1007))
                events.append((kind, message))
                message, kind = b"", None
    if protocol.parser_exc is None:
        return Connection(events, "open")
    return Connection(events, ("refused", int(protocol.close_sent.code)))


def is_text(data):
    try:
        data.decode()
        return True
    except UnicodeDecodeError:
        return False


def understand_wsproto(data):
    protocol = wsproto.FrameProtocol(client=False, extensions=[])
    events, message, kind = [], b"", None
    try:
        protocol.receive_bytes(data)
        for frame in protocol.received_frames():
            name = frame.opcode.name.lower()
            if name in ("ping", "pong"):
                events.append((name, bytes(frame.payload)))
            elif name == "close":
                code, reason = frame.payload
                events.append(("close", int(code), (reason or "").encode()))
                return Connection(events, "closed")
            else:
                payload = frame.payload
                kind, message = name, message + (payload.encode() if isinstance(payload, str) else bytes(payload))
                if len(message) > LIMIT:
                    return Connection(events, ("refused", 1009))
                if frame.message_finished:
                    events.append((kind, message))
                    message, kind = b"", None
    except wsproto.ParseFailed as failure:
        return Connection(events, ("refused", int(failure.code)))
    return Connection(events, "open")


def understand_ours(program, cases):
    feed = b"".join(struct.pack("<II", len(case), size) + case for case, size in cases)
    lines = subprocess.run([program], input=feed, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    if len(lines) != len(cases):
        sys.exit(f"{len(cases)} cases, but {len(lines)} verdicts")
    for line in lines:
        *words, end = line.split(" ")
        events = []
        for word in words:
            kind, *parts = word.split(":")
            events.append((kind, int(parts[0]), bytes.fromhex(parts[1])) if kind == "close" else (kind, bytes.fromhex(parts[0])))
        if events and events[-1][0] == "close":
            yield Connection(events, "closed"), None
        elif end == "open":
            yield Connection(events, "open"), None
        else:
            _, code, reason = end.split(":")
            yield Connection(events, ("refused", int(code))), reason


def compare(ours, reason, others):
    """What is wrong, or None; and which refusal was stricter than both others, or None."""
    alive = list(others)
    for index, event in enumerate(ours.events):
        further = [other for other in alive if index < len(other.events)]
        for other in further:
            if other.events[index] != event:
                return f"event {index + 1} is {event}, elsewhere {other.events[index]}", None
        if any(other.end == "open" for other in alive if other not in further):
            return f"event {index + 1} is {event}, elsewhere still open", None
        if not further:
            is_laxer = len(alive) == 2 and event[:2] != ("close", NEWER_CODE)
            return (f"event {index + 1} is {event}, refused by both others" if is_laxer else None), None
        alive = further
    further = [other for other in alive if len(other.events) > len(ours.events)]
    if ours.end == "open":
        if further:
            return f"open, elsewhere {further[0].events[len(ours.events)]} follows", None
        if len(alive) == 2 and all(other.end != "open" for other in alive):
            return f"open, elsewhere {alive[0].end} and {alive[1].end}", None
    elif ours.end != "closed":
        if len(further) == 2:
            messages = [event for event in further[0].events[len(ours.events) :] if event[0] in ("text", "binary")]
            return (f"{reason}, elsewhere {messages[0]}" if messages else None), reason
        ends = {other.end for other in alive}
        # A text that is refused early may hide what else is wrong behind it.
        if reason != "invalidText" and len(alive) == 2 and len(ends) == 1 and not ends & {"open", ours.end}:
            return f"closed with {ours.end}, elsewhere with {ends.pop()}", None
    return None, None


TEXTS = ["", "a", "Hello", "héllo", "名前", "🎉", "x" * 125, "x" * 126, "é" * 80, "\x00", "z" * 500]
BROKEN_TEXTS = [b"\x80", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ab\xffcd", b"\xf0\x9f"]
CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]
BAD_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]


def frame(rng, first, payload):
    """A frame that is mostly right."""
    masked = rng.random() > 0.005
    count = len(payload)
    form = rng.choice([126, 127]) if rng.random() < 0.005 else count if count < 126 else 126 if count < 65536 else 127
    length = {126: struct.pack("!H", count & 0xFFFF), 127: struct.pack("!Q", count)}.get(form if form > 125 else None, b"")
    key = rng.randbytes(4) if masked else b""
    body = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload)) if masked else payload
    if rng.random() < 0.005:
        first ^= 1 << rng.randrange(8)
    return bytes([first, form | (0x80 if masked else 0)]) + length + key + body


def control(rng):
    kind = rng.random()
    if kind < 0.8:
        return frame(rng, rng.choice([0x89, 0x8A]), rng.randbytes(rng.choice([0, 1, 4, 125, 125, 126]) if kind < 0.1 else 3))
    if kind < 0.82:
        return frame(rng, 0x88, rng.choice([b"", b"\x03", rng.randbytes(3)]))
    if kind < 0.88:
        codes = BAD_CODES if rng.random() < 0.3 else CODES
        reason = rng.choice(BROKEN_TEXTS) if rng.random() < 0.1 else rng.choice(TEXTS[:6]).encode()
        return frame(rng, 0x88, struct.pack("!H", rng.choice(codes)) + reason)
    return b""


def message(rng):
    """A message in one or more fragments, with control frames in between."""
    is_text = rng.random() < 0.7
    payload = "".join(rng.choices(TEXTS, k=rng.choice([1, 1, 2, 3]))).encode() if is_text else rng.randbytes(rng.randrange(300))
    if is_text and rng.random() < 0.05:
        at = rng.randrange(len(payload) + 1)
        payload = payload[:at] + rng.choice(BROKEN_TEXTS) + payload[at:]
    cuts = sorted(rng.randrange(len(payload) + 1) for _ in range(rng.choice([0, 0, 1, 2, 4])))
    pieces = [payload[start:end] for start, end in zip([0] + cuts, cuts + [len(payload)])]
    data = b""
    for index, piece in enumerate(pieces):
        opcode = 0 if index else 1 if is_text else 2
        data += frame(rng, (0x80 if index == len(pieces) - 1 else 0) | opcode, piece)
        if rng.random() < 0.2:
            data += control(rng)
    return data


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 0, 0, 0, 1, 2])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(3)
        if kind == 0:
            data[at:at] = rng.randbytes(rng.randrange(1, 4))
        elif kind == 1:
            del data[at : at + rng.randrange(1, 4)]
        elif at < len(data):
            data[at] ^= 1 << rng.randrange(8)
    return bytes(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdict", required=True, help="path of WebSocketVerdict")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32)))
    options = parser.parse_args()
    print(f"SEED={options.seed}", flush=True)

    started = time.monotonic()
    rng = random.Random(options.seed)
    cases = []
    for _ in range(options.cases):
        data = mutated(rng, b"".join(message(rng) for _ in range(rng.randrange(1, 5))))
        cases.append((data, rng.choice([1, 2, 3, 7, 100, 1 << 20])))
    stricter, wrong, ends, accepted = collections.Counter(), [], collections.Counter(), 0
    for (case, _), (ours, reason) in zip(cases, understand_ours(options.verdict, cases)):
        problem, refusal = compare(ours, reason, [understand_websockets(case), understand_wsproto(case)])
        accepted += len(ours.events)
        ends[reason or ours.end] += 1
        if refusal:
            stricter[refusal] += 1
            if refusal not in STRICTER:
                problem = f"refused as {refusal}, accepted by both others, for no listed reason"
        if problem:
            wrong.append((case, problem))

    for refusal, count in stricter.most_common():
        print(f"{count:7} stricter than both: {refusal} ({STRICTER.get(refusal, 'not listed')})")
    print(" ".join(f"{end}:{count}" for end, count in ends.most_common()))
    for case, problem in wrong[:10]:
        print(f"WRONG {problem}\n      {case.hex()}")
    print(f"{len(cases)} connections, {accepted} events accepted alike, {len(wrong)} wrong, {time.monotonic() - started:.0f} s")
    if accepted < len(cases):
        sys.exit("too few messages were accepted for the comparison to mean much")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
