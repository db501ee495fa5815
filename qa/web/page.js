// One script for the page: in-app links, addresses, the reader's scroll position, keys.
(() => {
  const LINK = /^#(cite|read)-/;
  let open = () => {};

  // Gradio's component `place` hands over how to send a link to the server.
  function listen(element, props, trigger) {
    open = (link) => { props.value = link; trigger("click"); };
  }

  function address(link) {
    const cite = link.match(/^#cite-(\d+)-(\d+)-(\d+)$/);
    if (cite) return `?view=read&chapter=${cite[1]}&span=${cite[2]}-${cite[3]}`;
    const read = link.match(/^#read-(\d+)-(.*)$/);
    return read ? `?view=read&chapter=${read[1]}&section=${read[2]}` : null;
  }

  function linkOf(search) {
    const at = new URLSearchParams(search);
    if (!at.get("chapter")) return null;
    return at.get("span") ? `#cite-${at.get("chapter")}-${at.get("span")}` : `#read-${at.get("chapter")}-${at.get("section") || ""}`;
  }

  function follow(event) {
    const anchor = event.target.closest && event.target.closest("a[href]");
    const link = anchor && anchor.getAttribute("href");
    if (!link || !LINK.test(link) || event.button > 1) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) {
      window.open(address(link), "_blank");
      return;
    }
    history.pushState({ link }, "", address(link));
    open(link);
  }
  document.addEventListener("click", follow, true);
  document.addEventListener("auxclick", follow, true);

  window.addEventListener("popstate", () => {
    const link = linkOf(location.search);
    if (link) open(link);
    else document.getElementById("close-reader")?.click();
  });

  // Diagrams are drawn after the text and move it, so the place is found again until the
  // reader moves by hand.
  function scroll() {
    const page = document.getElementById("reader-page");
    if (!page) return;
    let moved = false;
    for (const kind of ["wheel", "touchmove", "keydown", "mousedown"]) {
      page.addEventListener(kind, () => { moved = true; }, { once: true, passive: true });
    }
    const settle = () => {
      if (moved) return;
      const target = document.querySelector("#reader-title [data-target]")?.dataset.target;
      const place = page.querySelector("mark, .marked-diagram") || (target && document.getElementById(target));
      const top = place ? place.getBoundingClientRect().top - page.getBoundingClientRect().top : -page.scrollTop;
      page.scrollTop += top - (place && !place.tagName.startsWith("H") ? page.clientHeight / 4 : 8);
    };
    for (const wait of [50, 300, 800, 1600]) setTimeout(settle, wait);
    document.getElementById("reader")?.setAttribute("tabindex", "-1");
    document.getElementById("reader")?.focus({ preventScroll: true });
  }

  function closed() {
    if (linkOf(location.search)) history.pushState({}, "", location.pathname);
    document.querySelector("#question textarea")?.focus({ preventScroll: true });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement?.closest("#reader")) {
      document.getElementById("close-reader")?.click();
      return;
    }
    const box = document.querySelector("#lookup textarea, #lookup input");
    const results = [...document.querySelectorAll("#results a.result")];
    const here = results.indexOf(document.activeElement);
    if (!box || (document.activeElement !== box && here < 0)) return;
    if (event.key === "ArrowDown" && results[here + 1]) results[here + 1].focus();
    else if (event.key === "ArrowUp" && here > 0) results[here - 1].focus();
    else if (event.key === "ArrowUp" && here === 0) box.focus();
    else if (event.key === "Escape") box.focus();
    else return;
    event.preventDefault();
  }, true);

  // After Enter in the search box, once Gradio has drawn the results.
  function found() {
    setTimeout(() => document.querySelector("#results a.result")?.focus(), 100);
  }

  // What was searched for goes back into the question box, to be corrected.
  let correct = () => {};
  function corrects(element, props, trigger) {
    correct = (text) => { props.value = text; trigger("click"); };
  }
  function corrected() {
    setTimeout(() => {
      const box = document.querySelector("#question textarea");
      box?.focus();
      box?.setSelectionRange(box.value.length, box.value.length);
    }, 100);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("#chat button.change");
    if (button) correct(button.parentElement.querySelector(".searched").textContent);
  });

  // Gradio's copy button takes the message's source; its words are what one wants to paste.
  document.addEventListener("click", (event) => {
    const copy = event.target.closest && event.target.closest("#chat .message-buttons button:first-of-type");
    const shown = copy?.closest(".message-row").querySelector(".message-content .md");
    const blocks = [...(shown?.children || [])].filter((block) => !block.matches(".trust, .related-heading, .related"));
    if (copy) setTimeout(() => navigator.clipboard?.writeText(blocks.map((block) => block.innerText).join("\n\n")));
  });

  function toggleTheme() {
    const dark = document.body.classList.toggle("dark");
    localStorage.setItem("playbook-theme", dark ? "dark" : "light");
  }

  function restoreTheme() {
    const kept = localStorage.getItem("playbook-theme");
    if (kept && !new URLSearchParams(location.search).has("__theme")) {
      document.body.classList.toggle("dark", kept === "dark");
    }
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest && event.target.closest("#theme")) toggleTheme();
  });
  if (document.body) restoreTheme();
  else document.addEventListener("DOMContentLoaded", restoreTheme);

  window.playbook = { listen, scroll, closed, found, corrects, corrected };
})();

// The interview: Ctrl+Enter sends, what is typed survives the page, the clock runs, verdicts are disputed.
(() => {
  const KEPT = "playbook-draft ";
  let judge = () => {};
  let take = () => {};
  const waiting = []; // buttons pressed that the server has not answered; it is told of one at a time
  let shown = null;
  let timed = "";
  let until = 0;
  let clock = 0;

  const box = () => document.querySelector("#coach-answer textarea");
  const card = () => document.querySelector("#coach-card [data-turn]");

  // Gradio's hidden components hand over how to send a value to the server.
  const sender = (element, props, trigger) => (value) => { props.value = value; trigger("click"); };
  function judges(...component) { judge = sender(...component); }
  function imports(...component) { take = sender(...component); }

  // After each step, once Gradio has drawn it.
  function coached() {
    setTimeout(() => {
      const now = { turn: card()?.dataset.turn || "", waits: Boolean(card()?.dataset.waits) };
      if (shown?.waits && (now.turn !== shown.turn || !now.waits)) localStorage.removeItem(KEPT + shown.turn);
      const loaded = !shown;
      const moved = shown && (now.turn !== shown.turn || now.waits !== shown.waits);
      shown = now;
      if (now.waits) restore(now.turn);
      run(now.turn);
      if (moved) attend(now.waits);
      if (loaded) reopen();
    }, 100);
  }

  function restore(turn) {
    const draft = localStorage.getItem(KEPT + turn);
    box()?.setAttribute("aria-describedby", "coach-question");
    if (!draft || !box() || box().value) return;
    box().value = draft;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  }

  function attend(waits) {
    const headings = [...document.querySelectorAll("#coach-feedback .coach-heading, #coach-report > * .coach-heading")];
    const place = waits ? box() : headings.find((heading) => heading.offsetParent);
    place?.focus({ preventScroll: true });
    (waits ? card() : place)?.scrollIntoView({ block: "nearest" });
  }

  function run(turn) {
    const timer = card()?.querySelector(".timer");
    clearInterval(clock);
    if (!timer) return;
    if (turn !== timed) until = Date.now() + 1000 * timer.dataset.left;
    timed = turn;
    const tick = () => {
      const left = Math.max(0, Math.round((until - Date.now()) / 1000));
      if (!left) {
        clearInterval(clock);
        timer.setAttribute("aria-live", "polite");
      }
      timer.textContent = left
        ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`
        : "Time is up. You may still finish your answer.";
    };
    clock = setInterval(tick, 1000);
    tick();
  }

  document.addEventListener("input", (event) => {
    if (event.target === box() && card()) localStorage.setItem(KEPT + card().dataset.turn, event.target.value);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.target !== box()) return;
    event.preventDefault();
    document.getElementById("coach-send")?.click();
  }, true);

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button.disagree");
    if (!button) return;
    button.disabled = true;
    if (waiting.push(button) === 1) judge(button.dataset.judged);
  });

  // The server has noted the disagreement that it was told of, or there is a fault.
  function noted(fault) {
    const button = waiting.shift();
    if (waiting.length) judge(waiting[0].dataset.judged);
    if (fault) {
      button.disabled = false;
      return;
    }
    const told = document.createElement("span");
    told.className = "noted";
    told.setAttribute("role", "status");
    told.textContent = "You disagree: noted";
    button.replaceWith(told);
  }

  document.addEventListener("change", async (event) => {
    if (event.target.id !== "progress-file" || !event.target.files.length) return;
    take(await event.target.files[0].text());
    event.target.value = "";
  });

  // A reloaded page opens at the tab it was left at.
  const TAB = "playbook-tab";
  const tabs = () => [...document.querySelectorAll("button[role=tab]")].filter((tab) => tab.offsetParent);
  document.addEventListener("click", (event) => {
    const tab = event.target.closest && event.target.closest("button[role=tab]");
    if (!tab) return;
    sessionStorage.setItem(TAB, tab.textContent.trim());
    coached();
  });
  function reopen() {
    const left = sessionStorage.getItem(TAB);
    if (left) tabs().find((tab) => tab.textContent.trim() === left)?.click();
  }

  Object.assign(window.playbook, { judges, noted, imports, coached });
})();
