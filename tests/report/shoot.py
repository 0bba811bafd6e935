"""See a report as its readers will: `python tests/report/shoot.py demo/report.html OUT`.

Writes OUT/desktop-1.png and so on, OUT/phone-1.png (390 px wide), OUT/viewer.png, OUT/render.png and OUT/print.pdf,
and prints what a check by eye would miss: errors on the console, a page wider than its window, a viewer that did not
start. Needs a Chromium on the PATH and nothing else; WebGL runs in software.
"""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--hide-scrollbars",
]
READY = "document.body.dataset.viewer === 'ready'"
PATIENCE_S = 120.0
TILE = 4000
"""Tallest picture taken at once; software rendering repeats tiles on taller ones."""


class Browser:
    """A headless Chromium, driven over its debugging socket."""

    def __init__(self) -> None:
        self.home = tempfile.mkdtemp()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        place = [f"--user-data-dir={self.home}", f"--remote-debugging-port={self.port}", "--remote-allow-origins=*"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(["chromium", *FLAGS, *place, "about:blank"], **quiet)
        self.events: list[dict[str, Any]] = []
        self.number = 0
        self._connect()

    def _connect(self) -> None:
        for _ in range(150):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/json") as answer:
                    page = next(entry for entry in json.load(answer) if entry["type"] == "page")
                break
            except (OSError, StopIteration):
                time.sleep(0.2)
        else:
            raise SystemExit("chromium did not start")
        path = page["webSocketDebuggerUrl"].split(str(self.port))[1]
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.settimeout(300)
        headers = f"Host: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\n{headers}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.socket.recv(min(count - len(data), 1 << 20))
        return data

    def _message(self) -> dict[str, Any]:
        data = b""
        while True:
            first, second = self._read(2)
            size = second & 127
            if size == 126:
                size = struct.unpack(">H", self._read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._read(8))[0]
            data += self._read(size)
            if first & 128:
                return dict(json.loads(data))

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return its result."""
        self.number += 1
        data = json.dumps({"id": self.number, "method": method, "params": parameters}).encode()
        mask, size = os.urandom(4), len(data)
        length = bytes([128 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
        self.socket.sendall(b"\x81" + length + mask + bytes(c ^ mask[k % 4] for k, c in enumerate(data)))
        while True:
            message = self._message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return dict(message["result"])
            self.events.append(message)

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript in the page."""
        answer = self("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def open(self, url: str, width: int, *, mobile: bool = False) -> float:
        """Load a page and wait for its viewer; returns the seconds that took."""
        for domain in ("Runtime", "Log", "Page"):
            self(f"{domain}.enable")
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=mobile)
        self("Page.navigate", url=url)
        start = time.monotonic()
        while not self.value(READY):
            if time.monotonic() - start > PATIENCE_S:
                print("the viewer did not start")
                break
            time.sleep(0.5)
        return time.monotonic() - start

    def picture(self, path: Path, box: tuple[float, float, float, float]) -> None:
        """Save one clip (x, y, width, height) of the page."""
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1)
        answer = self("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        """End the browser and remove its profile."""
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.home, ignore_errors=True)


def whole_page(browser: Browser, out: Path, name: str) -> None:
    """Save the page in tiles NAME-1.png, NAME-2.png and so on."""
    size = browser("Page.getLayoutMetrics")["cssContentSize"]
    for k, top in enumerate(range(0, int(size["height"]), TILE)):
        height = min(TILE, size["height"] - top)
        browser.picture(out / f"{name}-{k + 1}.png", (0, top, size["width"], height))


def complaints(browser: Browser) -> list[str]:
    """Return errors on the console and a page that is wider than its window."""
    found = [
        json.dumps(event["params"])[:300]
        for event in browser.events
        if event["method"] == "Runtime.exceptionThrown"
        or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
    ]
    if browser.value("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page is wider than its window")
    return found


def main(report: Path, out: Path) -> None:
    """Take every picture."""
    out.mkdir(parents=True, exist_ok=True)
    browser = Browser()
    try:
        url = report.resolve().as_uri()
        print(f"desktop: viewer ready after {browser.open(url, 1280):.1f} s", complaints(browser))
        whole_page(browser, out, "desktop")
        box = json.loads(
            browser.value(
                "(r => JSON.stringify([r.x, r.y + scrollY, r.width, r.height]))"
                "(document.getElementById('viewer').getBoundingClientRect())"
            )
        )
        for control, value, name in (("field", "1", "viewer"), ("view", "render", "render")):
            browser.value(
                f"(e => {{ e.value = '{value}'; e.onchange({{ target: e }}); }})"
                f"(document.getElementById('viewer-{control}'))"
            )
            time.sleep(3)
            browser.picture(out / f"{name}.png", tuple(box))
        sheet = browser("Page.printToPDF", preferCSSPageSize=True)
        (out / "print.pdf").write_bytes(base64.b64decode(sheet["data"]))
        browser.events.clear()
        print(f"phone: viewer ready after {browser.open(url, 390, mobile=True):.1f} s", complaints(browser))
        whole_page(browser, out, "phone")
    finally:
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
