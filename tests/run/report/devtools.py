"""Chromium over its own debugging pipe: pages as a person uses them, and all that goes wrong on one or leaves it."""

import base64
import fcntl
import json
import os
import select
import subprocess
import sys
import time
from collections import deque

import cv2
import numpy as np

PATIENCE = 60
"""Seconds that an answer may take on a busy machine."""

# Chromium reads commands from descriptor 3 and answers on 4; each message ends with a NUL
LAUNCH = "import os, sys; a = sys.argv; os.dup2(int(a[1]), 3); os.dup2(int(a[2]), 4); os.execv(a[3], a[3:])"
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # the pages are our own, and a container often allows no sandbox
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
)


class Browser:
    """A process of Chromium."""

    def __init__(self, program, profile):
        (read, commands), (answers, write) = (tuple(map(_high, os.pipe())) for _ in range(2))
        self._commands, self._answers = commands, answers
        launch = [sys.executable, "-c", LAUNCH, str(read), str(write), str(program)]
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        self._process = subprocess.Popen(
            [*launch, *FLAGS, f"--user-data-dir={profile}", "about:blank"], pass_fds=(read, write), **quiet
        )
        os.close(read)
        os.close(write)
        self._number, self._rest = 0, b""
        self.events = deque()
        """Events that no page has taken yet: session, name, details."""

    def send(self, method, session=None, **details):
        """Send a command, and wait for its answer."""
        self._number += 1
        number, message = self._number, {"id": self._number, "method": method, "params": details}
        os.write(self._commands, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0")
        end = time.monotonic() + PATIENCE
        while (answer := self._receive(end)).get("id") != number:
            assert answer, f"the browser did not answer {method}"
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _receive(self, end):
        """The next message; an event is put with the others. Nothing where none came in time."""
        while b"\0" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return {}
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser ended"
            self._rest += data
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        if "method" in message:
            self.events.append((message.get("sessionId"), message["method"], message["params"]))
        return message

    def wait(self, session, name):
        """Wait for an event of a page."""
        end = time.monotonic() + PATIENCE
        while not any(event[:2] == (session, name) for event in self.events):
            assert self._receive(end), f"{name} did not come"

    def close(self):
        """End the process."""
        try:
            self.send("Browser.close")
        finally:
            os.close(self._commands)
            os.close(self._answers)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()


class Page:
    """A tab with one page in it. `faults` and `asked` tell what went wrong, and every address that was asked for."""

    def __init__(self, browser, path, *, width=1280, height=900, phone=False, dark=False):
        self._browser = browser
        self._target = browser.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.send("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.send("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Page.navigate", url=path.as_uri())
        browser.wait(self._session, "Page.loadEventFired")
        self.settle()

    def send(self, method, **details):
        """Send a command to the page."""
        return self._browser.send(method, self._session, **details)

    def run(self, code):
        """The value of a JavaScript expression."""
        found = self.send("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def settle(self):
        """Wait until what was changed is drawn."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def box(self, selector):
        """Left, top, width and height of the first element, which is scrolled to first."""
        self.run(f"document.querySelector('{selector}').scrollIntoView({{block: 'center', behavior: 'instant'}})")
        return self.run(
            f"(b => [b.x, b.y, b.width, b.height])(document.querySelector('{selector}').getBoundingClientRect())"
        )

    def drag(self, start, end):
        """Press the mouse's left button at a place, and let go at another."""
        self._mouse("mouseMoved", start)
        self._mouse("mousePressed", start, button="left", buttons=1, clickCount=1)
        for part in (0.25, 0.5, 0.75, 1):
            self._mouse("mouseMoved", [a + part * (b - a) for a, b in zip(start, end, strict=True)], buttons=1)
        self._mouse("mouseReleased", end, button="left", clickCount=1)
        self.settle()

    def swipe(self, start, end):
        """Put a finger on a place, and lift it from another."""
        self._touch("touchStart", start)
        for part in (0.25, 0.5, 0.75, 1):
            self._touch("touchMove", [a + part * (b - a) for a, b in zip(start, end, strict=True)])
        self._touch("touchEnd")
        self.settle()

    def press(self, key):
        """Press a key, and let go."""
        codes = {"End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])
        self.settle()

    def _mouse(self, kind, place, **details):
        self.send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], **details)

    def _touch(self, kind, *places):
        self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in places])

    def picture(self, box=None):
        """What is seen, `(height, width, 3)`: of the window, or of a box (left, top, width, height) in it."""
        whole = base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        seen = cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR)
        if box is None:
            return seen
        left, top, width, height = (round(value) for value in box)
        return seen[max(top, 0) : top + height, max(left, 0) : left + width]

    def whole(self):
        """The whole page as a picture, however long."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        made = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return cv2.imdecode(np.frombuffer(base64.b64decode(made["data"]), np.uint8), cv2.IMREAD_COLOR)

    @property
    def faults(self):
        """Uncaught exceptions, errors and warnings of the console, and what the browser itself complains of."""
        found = []
        for name, told in self._told():
            if name == "Runtime.exceptionThrown":
                details = told["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif name == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
                found.append(" ".join(str(part.get("value", part.get("description"))) for part in told["args"]))
            elif name == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(told["entry"]["text"])
        return found

    @property
    def asked(self):
        """The addresses that were asked for, of any scheme."""
        requests = [told["request"]["url"] for name, told in self._told() if name == "Network.requestWillBeSent"]
        return requests + [told["url"] for name, told in self._told() if name == "Network.webSocketCreated"]

    def _told(self):
        self.run("0")  # what came before its answer is here now
        return [(name, told) for session, name, told in self._browser.events if session == self._session]

    def close(self):
        """Close the tab."""
        self._browser.send("Target.closeTarget", targetId=self._target)


def _high(descriptor):
    """The same pipe's end under a number above those that the launcher puts in their places."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
