"""Takes the README's screenshot, `docs/ask.png`, from the running app."""

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
PORT = 7861
QUESTION = "How many threads does libuv's pool have, and how do I change it?"


def main() -> None:
    """Serves the app, asks, opens the first citation and takes the picture."""
    address = f"http://127.0.0.1:{PORT}"
    with (
        subprocess.Popen([sys.executable, "app.py", "--port", str(PORT)], cwd=ROOT) as server,
        sync_playwright() as play,
    ):
        for _ in range(300):
            try:
                urllib.request.urlopen(address).close()
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.locator("#question textarea").fill(QUESTION)
        page.locator("#question textarea").press("Enter")
        page.locator("#chat a.cite").first.click()
        page.locator("#reader-page mark").first.wait_for()
        page.wait_for_timeout(2_000)
        page.screenshot(path=ROOT / "docs" / "ask.png")
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
