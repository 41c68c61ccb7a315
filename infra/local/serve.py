"""Serves the local AWS engine (MiniStack) on loopback, saving its state on a timer.

Started by the Rust crate `vitrine-engine` with an environment of its own; every setting comes from there:

    GATEWAY_PORT             port, or 0 for a free one
    ENGINE_PORT_FILE         where to write the port once it is ours
    ENGINE_STOP_WITH_PARENT  "1": stop when standard input closes, so that a killed test leaves no engine behind
    PERSIST_STATE            "1": load and save; the engine itself saves only when it stops in good order,
    SNAPSHOT_SECONDS         so this launcher also saves on a timer

It uses private functions of the engine; the version is pinned for that reason.
"""

import asyncio
import functools
import logging
import os
import re
import signal
import socket
import socketserver
import sys
import threading

log = logging.getLogger("vitrine.engine")


def listen() -> socket.socket:
    """Takes the port before the engine is imported, because the engine reads it from the environment then."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Loopback only: the engine runs any code it is given and checks few signatures.
    listener.bind(("127.0.0.1", int(os.environ.get("GATEWAY_PORT", "0"))))
    listener.listen(1024)
    port = listener.getsockname()[1]
    os.environ.update(
        BIND_HOST="127.0.0.1",
        MINISTACK_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        # The engine hands this to the functions it runs; without it their SDK would call the real AWS.
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
    )
    return listener


def tell_port() -> None:
    path = os.environ.get("ENGINE_PORT_FILE")
    if path:
        with open(path + ".new", "w") as file:
            file.write(os.environ["GATEWAY_PORT"])
        os.replace(path + ".new", path)


def stop_when_parent_is_gone(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Waits, in a thread of its own, for the parent's end of our standard input to close."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def loopback_counts_as_tls(app):
    """The template's buckets refuse requests without TLS, as they must; here nothing leaves the machine.

    A pool's discovery document names addresses with the scheme that it was asked by, and those must lead here.
    """

    async def wrapped(scope, receive, send):
        if scope["type"] == "http" and not scope["path"].endswith("/.well-known/openid-configuration"):
            scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return wrapped


def versions_are_served_like_objects(s3) -> None:
    """Links of ours name a version; of a version the engine serves neither ranges nor the type that was asked for."""
    get_object = s3._get_object

    def get(bucket, key, headers, query_params=None):
        status, answered, body = get_object(bucket, key, headers, query_params)
        if status == 200 and s3._qp(query_params or {}, "versionId", ""):
            s3._apply_response_overrides(answered, query_params)
            if headers.get("range"):
                found = s3._parse_range(headers["range"], len(body))
                if found is None:
                    return 416, {"Content-Range": f"bytes */{len(body)}"}, b""
                start, end = found
                answered["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
                status, body = 206, body[start : end + 1]
                answered["Content-Length"] = str(len(body))
                # The checksum is the whole object's, and S3 leaves it out of a part.
                answered = {name: value for name, value in answered.items() if not name.lower().startswith("x-amz-checksum-")}
        return status, answered, body

    s3._get_object = get


KEY_CONDITION = re.compile(
    r"(\w+) = (:\w+)(?: AND (?:(\w+) (<=|=) (:\w+)|(\w+) BETWEEN (:\w+) AND (:\w+)|begins_with\((\w+), (:\w+)\)))?"
)


def key_conditions_are_read_once(dynamodb) -> None:
    """The engine reads a query's condition anew for each item of a partition: seconds where that holds ten thousand.

    Here the forms that we write are read once, and compared as text; everything else is still the engine's.
    """
    evaluate, read = dynamodb._evaluate_condition, functools.lru_cache(KEY_CONDITION.fullmatch)

    def holds(expression, item, values, names, slot="ConditionExpression"):
        found = read(expression) if slot == "KeyConditionExpression" else None
        if found:
            pk, its_pk, sk, compared, its_sk, between, low, high, begins, prefix = found.groups()
            try:
                if item[pk]["S"] != values[its_pk]["S"]:
                    return False
                if sk:
                    its, wanted = item[sk]["S"], values[its_sk]["S"]
                    return its == wanted if compared == "=" else its <= wanted
                if between:
                    bounds = values[low]["S"], values[high]["S"]
                    if bounds[0] <= bounds[1]:
                        return bounds[0] <= item[between]["S"] <= bounds[1]
                elif begins:
                    return item[begins]["S"].startswith(values[prefix]["S"])
                else:
                    return True
            except KeyError:  # another type, or an item without it: the engine knows
                pass
        return evaluate(expression, item, values, names, slot)

    dynamodb._evaluate_condition = holds


async def main(listener: socket.socket) -> None:
    # The engine answers its Lambda workers in small packets; without this each call waits about 40 ms.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    import ministack.app as engine
    from ministack.core.persistence import save_all
    from ministack.services import dynamodb, s3

    versions_are_served_like_objects(s3)
    key_conditions_are_read_once(dynamodb)

    def save() -> None:
        save_all(engine._build_persistence_save_dict())

    async def save_on_a_timer(seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                save()
            except Exception:  # a failed snapshot must not end the engine: the next one may succeed
                log.exception("snapshot failed")

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    if os.environ.get("ENGINE_STOP_WITH_PARENT") == "1":
        stop_when_parent_is_gone(loop, stop)

    persistent = os.environ.get("PERSIST_STATE") == "1"
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 3 if persistent else 0.2

    timer = None
    if persistent:
        timer = asyncio.create_task(save_on_a_timer(float(os.environ.get("SNAPSHOT_SECONDS", "15"))))
    tell_port()
    await serve(loopback_counts_as_tls(engine.app), config, shutdown_trigger=stop.wait)
    if timer:
        timer.cancel()
        save()


if __name__ == "__main__":
    asyncio.run(main(listen()))
    # The engine leaves threads behind that would keep the process alive; its state is saved by now.
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
