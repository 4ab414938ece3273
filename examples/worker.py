#!/usr/bin/env python3
"""A worker for nexus-engine: carries out steps with `uses: worker/NAME`. Needs nothing but Python 3.8.

    nexus-engine serve &
    python3 examples/worker.py --url http://127.0.0.1:7878

A handler is a function of the task's input and the task itself. It may run more than once for the same step:
`task["key"]` is the same every time, so that a service that knows it does the work once.
Protocol: docs/reference/workers.md
"""

import argparse
import http.client
import json
import os
import threading
import time
import urllib.parse


class Fatal(Exception):
    """Trying again does not help."""


class Cancelled(Exception):
    """Nobody needs the work any more."""


class Stale(Exception):
    """The engine has given the task up, or to somebody else."""


def resize(task):
    """Pretends to work on an image, and says how far it is."""
    image, width = task["input"]["image"], task["input"]["width"]
    if width < 1:
        raise Fatal("an image is at least one pixel wide")
    for percent in range(0, 100, 25):
        task["say"](percent)
        time.sleep(task["input"].get("seconds", 0) / 4)
    return {"image": f"{image}@{width}", "key": task["key"], "attempt": task["attempt"]}


HANDLERS = {"resize": resize, "echo": lambda task: task["input"]}


class Worker:
    def __init__(self, url, name, retry_s=1.0):
        self.address, self.name, self.retry_s = urllib.parse.urlsplit(url).netloc, name, retry_s

    def post(self, path, body, timeout=70):
        """Sends JSON and gives back what comes; asks again while the engine is not there or is ending."""
        while True:
            try:
                connection = http.client.HTTPConnection(self.address, timeout=timeout)
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/workers/v1/" + path, json.dumps(body), headers)
                response = connection.getresponse()
                status, text = response.status, response.read()
                connection.close()
            except (OSError, http.client.HTTPException):
                status, text = 503, b""
            if status not in (429, 500, 503):
                return status, json.loads(text) if text else None
            time.sleep(self.retry_s)

    def say(self, task, what, **body):
        path = "tasks/%s/%s" % (task["task"], what)
        status, answer = self.post(path, {"token": task["token"], **body})
        if status in (404, 409):
            raise Stale(answer["message"])
        if status != 200:
            raise Fatal(answer["message"])
        return answer

    def keep_alive(self, task, done):
        """Says three times a lease that this worker is alive, until the work is done."""
        while not done.wait(task["lease_ms"] / 3000):
            try:
                task["cancelled"] |= self.say(task, "heartbeat")["cancelled"]
            except (Stale, Fatal):
                task["cancelled"] = True
                return

    def carry_out(self, task):
        def say(progress):
            if task["cancelled"]:
                raise Cancelled()
            self.say(task, "heartbeat", progress=progress)

        done = threading.Event()
        task.update(cancelled=False, say=say)
        threading.Thread(target=self.keep_alive, args=(task, done), daemon=True).start()
        try:
            try:
                self.say(task, "complete", output=HANDLERS[task["handler"]](task))
            except Cancelled:
                self.say(task, "fail", message="cancelled", kind="CANCELLED")
            except Fatal as error:
                self.say(task, "fail", message=str(error) or "failed", retryable=False)
            except Stale:
                raise
            except Exception as error:
                self.say(task, "fail", message=f"{type(error).__name__}: {error}")
        except Stale as error:
            print("dropped:", error, flush=True)
        finally:
            done.set()

    def run(self):
        while True:
            asked = {"worker": self.name, "handlers": sorted(HANDLERS), "wait_ms": 30_000}
            status, task = self.post("poll", asked)
            if status == 200:
                self.carry_out(task)
            elif status != 204:
                raise SystemExit(task["message"])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--url", default="http://127.0.0.1:7878")
    arguments.add_argument("--name", default=f"python-{os.getpid()}")
    chosen = arguments.parse_args()
    try:
        Worker(chosen.url, chosen.name).run()
    except KeyboardInterrupt:
        pass
