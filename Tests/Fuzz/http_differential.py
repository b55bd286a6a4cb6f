"""Compares how three parsers understand the same bytes: ours, llhttp (as httptools) and h11.

Ours may refuse what the others accept, for the reasons listed in STRICTER. It fails the run to

- accept a request that both others refuse (laxer than both), or
- find another method, target, body or end in a request than another parser that accepts it (another framing).
"""

import argparse
import collections
import os
import random
import struct
import subprocess
import sys
import time

import h11
import httptools

# Refusals of requests that both others accept, and why that is right.
STRICTER = {
    "bare_line_feed": "lines end in CR LF (RFC 9112 2.2 permits LF; proxies disagree about it)",
    "body_too_large": "a chunk whose size has 16 digits or more",
    "chunk_extensions_too_large": "extensions are bounded",
    "control_character": "no control characters in values",
    "forbidden_trailer": "framing and routing belong to the head (RFC 9110 6.5.1)",
    "folded_header": "obsolete (RFC 9112 5.2 tells servers to refuse it)",
    "headers_too_large": "bounded",
    "host_mismatch": "the absolute form and Host name two hosts",
    "length_and_transfer_encoding": "two lengths (RFC 9112 6.3 permits refusing)",
    "malformed_chunk": "no space around a chunk's size or the signs of its extensions, at most 15 digits",
    "malformed_content_length": "digits only: no list, no number of 2^63 or more",
    "malformed_header": "a name is made of token characters",
    "malformed_host": "a name or address with an optional port",
    "malformed_request_line": "single spaces; at most one empty line before it",
    "malformed_target": "one of the four forms, visible ASCII, no fragment",
    "missing_host": "RFC 9112 3.2",
    "repeated_content_length": "two lengths, even if equal",
    "repeated_host": "RFC 9112 3.2",
    "repeated_transfer_encoding": "one line, one coding",
    "request_line_too_long": "bounded",
    "space_before_colon": "in trailers too",
    "too_many_headers": "bounded",
    "trailers_too_large": "bounded",
    "transfer_encoding_in_http10": "RFC 9112 6.1 calls it faulty framing",
    "unsupported_expectation": "417 (RFC 9110 10.1.1)",
    "unsupported_method": "CONNECT and unknown methods are 501",
    "unsupported_transfer_encoding": "exactly chunked",
    "unsupported_version": "1.0 and 1.1",
}

Connection = collections.namedtuple("Connection", "requests end")


class LLHTTP:
    """llhttp, gathering requests."""

    def __init__(self):
        self.requests = []
        self.open = False

    def on_message_begin(self):
        self.url, self.body, self.open, self.has_length = b"", b"", True, False

    def on_url(self, url):
        self.url += url

    def on_header(self, name, value):
        self.has_length |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        self.requests.append((self.parser.get_method(), self.url, self.body))
        self.open = False

    @staticmethod
    def understand(data):
        gathered = LLHTTP()
        gathered.parser = httptools.HttpRequestParser(gathered)
        try:
            gathered.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # It leaves HTTP before the body; RFC 9110 7.8 has the server read the body first.
            return Connection(gathered.requests[: -1 if gathered.has_length else None], "over")
        except httptools.HttpParserError:
            return Connection(gathered.requests, "refused")
        return Connection(gathered.requests, "open" if gathered.open else "clean")


def understand_h11(data):
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    requests = []
    current, body = None, b""
    try:
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                idle = current is None and not connection.trailing_data[0]
                return Connection(requests, "clean" if idle else "open")
            if event is h11.PAUSED:
                return Connection(requests, "over")
            if isinstance(event, h11.Request):
                current, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                requests.append((bytes(current.method), bytes(current.target), body))
                current = None
                connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return Connection(requests, "over")
                connection.start_next_cycle()
    except h11.RemoteProtocolError:
        return Connection(requests, "refused")


def understand_ours(program, cases):
    feed = b"".join(struct.pack("<I", len(case)) + case for case in cases)
    lines = subprocess.run([program], input=feed, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()
    if len(lines) != len(cases):
        sys.exit(f"{len(cases)} cases, but {len(lines)} verdicts")
    for line in lines:
        *requests, end = line.split(" ")
        parts = (request.split(":") for request in requests)
        yield Connection([(m.encode(), bytes.fromhex(t), bytes.fromhex(b)) for m, t, b in parts], end)


def compare(ours, others):
    """What is wrong, or None; and which refusal was stricter than both others, or None."""
    alive = list(others)
    for index, request in enumerate(ours.requests):
        accepted = []
        for other in alive:
            if index < len(other.requests):
                if other.requests[index] != request:
                    return f"request {index + 1} is {request}, elsewhere {other.requests[index]}", None
                accepted.append(other)
            elif other.end == "open":
                return f"request {index + 1} is {request}, elsewhere still open", None
        if not accepted:
            return (f"request {index + 1} is {request}, refused by both others" if len(alive) == 2 else None), None
        alive = accepted
    further = [other for other in alive if len(other.requests) > len(ours.requests)]
    if ours.end in ("open", "clean") and further:
        return f"{ours.end} after {len(ours.requests)} requests, elsewhere {further[0].requests[-1]} follows", None
    if ours.end.startswith("refused:") and len(further) == 2:
        return None, ours.end.removeprefix("refused:")
    return None, None


# What a request may be made of; the first few of each are what clients send.
METHODS = [b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT", b"TRACE", b"get", b"G T", b""]
TARGETS = [
    b"/", b"/a?b=c", b"/%2e%2e/x", b"*", b"http://x/", b"http://y?q", b"x:80", b"//", b"/#f", b"/\xc3\xa9", b"/a b", b"/\x7f",
]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/0.9", b"http/1.1", b"HTTP/1.10", b"HTTP/1", b""]
COMMON = [
    b"Accept: */*", b"X-A:b", b"X-B: \tc \t", b"Cookie: a=b; c=d", b"X-Empty:", b"V: \xc3\xa9", b"Expect: 100-continue",
    b"Connection: keep-alive", b"Connection: foo, bar", b"Upgrade: h2c",
]
STRANGE = [
    b"Host: x", b"Host: x:80", b"Host:", b"Host: a b", b"Connection: close", b"Connection: keep-alive, close",
    b"Connection: upgrade", b"Expect: more", b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: +5",
    b"Content-Length: 5, 5", b"Content-Length: 5 ", b"Content-Length : 5", b"Content-Length: 0x5", b"Content-Length: -5",
    b"Content-Length:", b"Content-Length: 18446744073709551621", b"content-length: 6", b"Transfer-Encoding: chunked",
    b"transfer-encoding: Chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding : chunked", b"Transfer-Encoding: xchunked", b'Transfer-Encoding: "chunked"', b" folded", b"\tfolded: too",
    b"No colon", b": nameless", b"N\xc3\xa9: v", b"V: \x00", b"V: \x01", b"V: \x7f",
]
SIZES = [b"%04x", b"%017x", b"%x ", b" %x", b"0x%x", b"+%x", b"1%x", b"%x\t", b"-%x"]
EXTENSIONS = [b";a", b";a=b", b';a="b c"', b" ;a", b"; a = b", b";", b";\x01"]
TRAILERS = [b"A: b\r\n", b"A : b\r\n", b"Host: y\r\n", b" x\r\n", b"Content-Length: 9\r\n"]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b" ", b"\t", b"\x0b", b"\x7f", b"\xff", b":", b";", b",", b"0", b"5", b"a",
    b"-", b"+", b"0x", b"0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n",
]


def sometimes(rng, options, usual, chance):
    return rng.choice(options) if rng.random() < chance else usual


def chunked(rng):
    body = b""
    for _ in range(rng.randrange(4)):
        data = bytes(rng.choices(b"abc\r\n0", k=rng.randrange(1, 20)))
        size = sometimes(rng, SIZES, rng.choice([b"%x", b"%X"]), 0.05) % len(data)
        body += size + sometimes(rng, EXTENSIONS, b"", 0.1) + b"\r\n" + data + b"\r\n"
    return body + rng.choice([b"0\r\n", b"0\r\n", b"000\r\n", b"0;z\r\n"]) + sometimes(rng, TRAILERS, b"", 0.1) + b"\r\n"


def plausible(rng):
    """A request that is mostly right, so that the others often accept it."""
    method = sometimes(rng, METHODS, rng.choice(METHODS[:6]), 0.05)
    target = sometimes(rng, TARGETS, rng.choice(TARGETS[:3]), 0.05)
    lines = [method + b" " + target + b" " + sometimes(rng, VERSIONS, VERSIONS[0], 0.05)]
    if rng.random() < 0.97:
        lines.append(b"Host: x")
    framing = rng.randrange(3)
    body = b""
    if framing == 1:
        body = bytes(rng.choices(b"hello\r\n", k=rng.randrange(9)))
        lines.append(b"Content-Length: %d" % len(body))
    elif framing == 2:
        body = chunked(rng)
        lines.append(b"Transfer-Encoding: chunked")
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(1, len(lines) + 1), sometimes(rng, STRANGE, rng.choice(COMMON), 0.2))
    end = sometimes(rng, [b"\n"], b"\r\n", 0.02)
    return end.join(lines) + end + end + body


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            data[at:at] = rng.choice(PIECES)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 4)]
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        else:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
    return bytes(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdict", required=True, help="path of HTTPVerdict")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32)))
    options = parser.parse_args()
    print(f"SEED={options.seed}", flush=True)

    started = time.monotonic()
    rng = random.Random(options.seed)
    cases = [mutated(rng, b"".join(plausible(rng) for _ in range(rng.choice([1, 1, 2, 3])))) for _ in range(options.cases)]
    stricter, wrong, accepted = collections.Counter(), [], 0
    for case, ours in zip(cases, understand_ours(options.verdict, cases)):
        problem, refusal = compare(ours, [LLHTTP.understand(case), understand_h11(case)])
        accepted += len(ours.requests)
        if refusal:
            stricter[refusal] += 1
            if refusal not in STRICTER:
                problem = f"refused as {refusal}, accepted by both others, for no listed reason"
        if problem:
            wrong.append((case, problem))

    for refusal, count in stricter.most_common():
        print(f"{count:7} stricter than both: {refusal} ({STRICTER.get(refusal, 'not listed')})")
    for case, problem in wrong[:10]:
        print(f"WRONG {problem}\n      {case!r}")
    print(f"{len(cases)} connections, {accepted} requests accepted alike, {len(wrong)} wrong, {time.monotonic() - started:.0f} s")
    if accepted < len(cases) // 4:
        sys.exit("too few requests were accepted for the comparison to mean much")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
