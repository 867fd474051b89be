"""A Python that has ESPnet imported already: importing it takes 13 s, and a recipe starts it a dozen times.

``serve`` imports ESPnet once and forks for each request. ``call`` stands for ``python3 -m espnet_gmot``: its
arguments, working directory, environment, streams and signals become those of the forked process.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import NoReturn


def serve(address: Path) -> None:
    """Answer requests at the Unix socket ``address`` until killed."""
    import espnet2.bin.asr_inference
    import espnet2.bin.asr_train
    import espnet2.bin.lm_calc_perplexity
    import espnet2.bin.lm_train  # noqa: F401

    import espnet_gmot  # noqa: F401

    gc.freeze()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen()
        while True:
            client, _ = server.accept()
            with client:
                if os.fork() == 0:
                    server.close()
                    _answer(client)
            _reap()


def call(address: Path, arguments: list[str]) -> int:
    """Have ``arguments`` run by the server; return the exit status."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(address))
        request = json.dumps(
            {"arguments": arguments, "cwd": os.getcwd(), "environ": dict(os.environ)}
        ).encode()
        socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
        server.sendall(request)
        process = int.from_bytes(_receive(server, 4), "big")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: os.kill(process, number))
        return int.from_bytes(_receive(server, 1), "big")


def _answer(client: socket.socket) -> None:
    """Fork the process that does the work, wait for it, and tell the client how it ended."""
    length, streams, _, _ = socket.recv_fds(client, 4, 3)
    request = json.loads(_receive(client, int.from_bytes(length, "big")))
    process = os.fork()
    if process == 0:
        client.close()
        _run(request, streams)
    client.sendall(process.to_bytes(4, "big"))
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    client.sendall((status if status >= 0 else 128 - status).to_bytes(1, "big"))
    os._exit(0)


def _run(request: dict, streams: list[int]) -> NoReturn:
    """Run the module in this process and end it, without the seconds that tearing ESPnet down takes."""
    import torch

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    if threads := os.environ.get("OMP_NUM_THREADS"):  # which torch reads when it is imported
        torch.set_num_threads(int(threads))
    sys.argv = ["espnet_gmot", *request["arguments"]]
    status = 0
    try:
        runpy.run_module("espnet_gmot", run_name="__main__", alter_sys=True)
    except SystemExit as exit:
        status = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        if isinstance(exit.code, str):
            print(exit.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError("the other side has ended")
        received += part
    return received


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        sys.exit(call(Path(sys.argv[1]), sys.argv[2:]))
