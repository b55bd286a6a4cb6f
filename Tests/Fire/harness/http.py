"""The least HTTP/1.1 client that a load generator needs: one request at a time over a connection that is kept."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

# Longer than the gateway keeps anybody waiting.
PATIENCE = 25.0


class Broken(Exception):
    """The connection ended before the answer was whole. Whether the request took effect is unknown."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; nothing for any other answer."""
        return self.json().get("code", "") if self.status >= 400 and self.body else ""


class Connection:
    """One client's way to the mesh, opened when it is needed and opened again when it was closed.

    A connection that the server closes just as a request is sent on it is no failure: as browsers and most libraries do
    (RFC 9112, section 9.3.1), the request goes out once more on a new one, provided that no byte of an answer has come.
    `reopened` counts how often that was needed, and `opened` all connections.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.opened = 0
        self.reopened = 0

    async def ask(
        self, method: str, path: str, body: dict | bytes | None = None, key: str | None = None, token: str | None = None,
        kind: str = "application/json",
    ) -> Answer:  # fmt: skip
        """Sends a request, as the member whose access token is given, and waits for its answer. What is sent as bytes is
        of the media type `kind`. Raises `Broken`."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._address[0]}:{self._address[1]}", "User-Agent: fire/1"]
        content = b""
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(content)}"]
        if key is not None:
            lines.append(f"Idempotency-Key: {key}")
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        request = ("\r\n".join(lines) + "\r\n\r\n").encode() + content
        try:
            async with asyncio.timeout(PATIENCE):
                if self._reader and self._reader.at_eof():
                    self.close()
                if self._writer is not None:
                    try:
                        return await self._exchange(request)
                    except asyncio.IncompleteReadError as error:
                        self.close()
                        if error.partial:
                            raise
                    except ConnectionError:
                        self.close()
                    self.reopened += 1
                return await self._exchange(request)
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            raise Broken(f"{type(error).__name__}: {error}") from error
        except BaseException:
            self.close()
            raise

    async def _exchange(self, request: bytes) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
            self.opened += 1
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length, closes = 0, False
        for line in head[1:]:
            if line.startswith(b"content-length:"):
                length = int(line[15:])
            elif line == b"connection: close":
                closes = True
        body = await self._reader.readexactly(length) if length else b""
        if closes:
            self.close()
        return Answer(int(head[0].split(b" ")[1]), body)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
