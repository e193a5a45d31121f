"""Chromium, driven over a pair of pipes: open a page, ask it things, press keys, look at it. No driver, no socket."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run --disable-extensions --disable-dev-shm-usage --hide-scrollbars --mute-audio --remote-debugging-pipe"
).split()


class Browser:
    """One page."""

    def __init__(self, width: int = 1200, height: int = 800, dark: bool = False):
        assert CHROMIUM
        self.profile = tempfile.mkdtemp()
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        words = [CHROMIUM, *FLAGS, f"--user-data-dir={self.profile}", f"--window-size={width},{height}", "about:blank"]
        self.process = subprocess.Popen(  # it reads commands from 3 and writes answers to 4
            ["bash", "-c", f'exec 3<&{theirs_in} 4>&{theirs_out} "$@"', "bash", *words],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.out, self.into, self.left = ours_out, ours_in, b""
        self.number, self.events = 0, []
        target = next(each for each in self.tell("Target.getTargets")["targetInfos"] if each["type"] == "page")
        session = {"targetId": target["targetId"], "flatten": True}
        self.session = self.tell("Target.attachToTarget", **session)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.tell("Emulation.setEmulatedMedia", features=scheme)
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def tell(self, method: str, **words: Any) -> dict[str, Any]:
        """One command of the DevTools protocol, and its result."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": words}
        if hasattr(self, "session"):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.left:
            more = os.read(self.into, 1 << 16)
            assert more, "the browser has gone"
            self.left += more
        message, _, self.left = self.left.partition(b"\0")
        return json.loads(message)

    def open(self, url: str) -> None:
        self.tell("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        told = self.tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = 20.0) -> Any:
        """Wait until an expression is true; its value."""
        end = time.monotonic() + seconds
        while not (value := self.js(expression)):
            assert time.monotonic() < end, f"never true: {expression}\n{self.js('document.body.innerText')}"
            time.sleep(0.02)
        return value

    def type(self, text: str) -> None:
        self.tell("Input.insertText", text=text)

    def press(self, key: str, code: int = 0) -> None:
        """A key, by its name: Enter, Tab, ArrowRight."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, " ": 32}
        how = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": codes[key]}
        text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        self.tell("Input.dispatchKeyEvent", type="keyDown", **how, **text)
        self.tell("Input.dispatchKeyEvent", type="keyUp", **how)

    def point(self, selector: str) -> None:
        """Move the pointer onto an element."""
        self.tell("Input.dispatchMouseEvent", type="mouseMoved", **self._middle(selector))

    def click(self, selector: str) -> None:
        self.js(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})")
        at = self._middle(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.tell("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def _middle(self, selector: str) -> dict[str, float]:
        found = (
            f"(r => ({{x: r.left + r.width / 2, y: r.top + r.height / 2}}))"
            f"(document.querySelector({json.dumps(selector)}).getClientRects()[0])"
        )
        return self.js(found)

    def complaints(self) -> list[str]:
        """What the page wrote to the console as wrong: scripts that failed, things that the policy forbade."""
        self.js("1")
        wrong = [
            event["params"]
            for event in self.events
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]
        return [json.dumps(each) for each in wrong if each.get("entry", {}).get("level", "error") == "error"]

    def addresses(self) -> list[str]:
        """Every address that the page asked for."""
        self.js("1")
        sent = [event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent]

    def picture(self, path: str | Path) -> None:
        Path(path).write_bytes(base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        try:
            self.tell("Browser.close")
        except (AssertionError, OSError):
            self.process.kill()
        self.process.wait(20)
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)
