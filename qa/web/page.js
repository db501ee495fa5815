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
    else if (event.key === "Enter" && document.activeElement === box && results[0]) results[0].click();
    else return;
    event.preventDefault();
  }, true);

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

  window.playbook = { listen, scroll, closed };
})();
