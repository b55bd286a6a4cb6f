"""One Socket.IO client as a process of its own: commands come in as lines of JSON, what happens goes out as such.

Run as `python socketio_process.py URL TRANSPORTS AUTH`.
"""

from __future__ import annotations

import json
import sys
import threading

import socketio

lock = threading.Lock()


def say(**what: object) -> None:
    with lock:
        print(json.dumps(what), flush=True)


def main() -> None:
    url, transports, auth = sys.argv[1], sys.argv[2].split(","), json.loads(sys.argv[3])
    client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=1, handle_sigint=False)
    client.on("connect", lambda: say(event="connect", args=[client.sid]))
    client.on("disconnect", lambda reason: say(event="disconnect", args=[reason]))
    client.on("connect_error", lambda *args: say(event="connect_error", args=list(args)))
    client.on("*", lambda name, *args: say(event=name, args=list(args)))
    try:
        client.connect(url, auth=auth, transports=transports, wait_timeout=20)
    except socketio.exceptions.ConnectionError as error:
        say(event="failed", args=[str(error)])
        return
    say(event="transport", args=[client.transport()])
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "call":
            say(event="ack", args=[client.call(command["name"], command["data"], timeout=20)])
        elif command["do"] == "transport":
            say(event="transport", args=[client.transport()])
    client.disconnect()


main()
