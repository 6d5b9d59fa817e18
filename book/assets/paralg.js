/* Small repairs for readers with keyboards and screen readers.  Nothing here fetches anything. */
(() => {
  "use strict";

  const SCROLLERS = [
    "pre", ".pst-scrollable-table-container", ".bd-sidebar-primary", ".bd-sidebar-secondary",
    ".cell_output .output", "mjx-container[display='true']", ".math.display", "div.math", ".paralg-graph",
    ".paralg-speedup.is-wide",
  ].join(",");

  /* A region that scrolls must be reachable by keyboard. */
  function markScrollers() {
    document.querySelectorAll(SCROLLERS).forEach((box) => {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls && !box.hasAttribute("tabindex") && getComputedStyle(box).display !== "inline") {
        box.tabIndex = 0;
      }
    });
  }

  /* A formula in a line that is wider than its line scrolls inside itself. */
  function boxFormulas() {
    const formulas = [...document.querySelectorAll("article mjx-container:not([display])")];
    formulas.forEach((node) => node.classList.remove("paralg-scrolls"));
    const wide = formulas.filter((node) => {
      const block = node.closest("p, li, dd, td, th, div, figcaption, label");
      return node.firstElementChild && block.clientWidth > 0
        && node.getBoundingClientRect().width > block.clientWidth + 1;
    });
    wide.forEach((node) => {
      node.classList.add("paralg-scrolls");
      node.tabIndex = 0;
    });
  }

  function name(selector, text, attribute = "aria-label") {
    document.querySelectorAll(selector).forEach((node) => {
      if (!node.getAttribute(attribute)) node.setAttribute(attribute, text(node));
    });
  }

  /* Names and landmarks that the theme leaves out. */
  function nameControls() {
    name("input.sidebar-toggle#pst-primary-sidebar-checkbox", () => "Show the table of contents");
    name("input.sidebar-toggle#pst-secondary-sidebar-checkbox", () => "Show the contents of this page");
    name("input[type='search']", () => "Search the book");
    name("button.copybtn", () => "Copy the code");
    name("nav.bd-links details > summary", (node) => {
      const link = node.closest("li")?.querySelector("a");
      return `Show the pages of ${link ? link.textContent.trim() : "this part"}`;
    });
    document.querySelector(".bd-sidebar-primary")?.setAttribute("role", "navigation");
    name(".bd-sidebar-primary", () => "Book");
    document.querySelectorAll("button.toggle-button").forEach((node) => {
      const title = node.parentElement.textContent.trim();
      node.setAttribute("aria-label", `Show or hide: ${title}`);
    });
  }

  /* A choice that is a formula and nothing else is named by the formula's source. */
  function nameFormulas() {
    document.querySelectorAll("label input").forEach((input) => {
      const words = input.closest("label").cloneNode(true);
      words.querySelectorAll("mjx-container").forEach((formula) => formula.remove());
      const formulas = MathJax.startup.document?.getMathItemsWithin?.(input.closest("label")) ?? [];
      if (!words.textContent.trim() && formulas.length) {
        input.setAttribute("aria-label", formulas.map((formula) => formula.math).join(" "));
      }
    });
  }

  /* The whole title of a folded box opens it, also where it has a word in code or a formula. */
  function openByTitle(click) {
    const title = click.target.closest(".admonition.toggle > .admonition-title");
    if (!title || click.target === title || click.target.closest("a, button")) return;
    click.stopImmediatePropagation();
    title.querySelector("button.toggle-button")?.click();
  }

  /* Paper has no folds, but for code that was folded; what was closed is closed again afterwards. */
  function unfold() {
    const folded = [...document.querySelectorAll("article details:not([open], .hide)")];
    folded.forEach((node) => { node.open = true; });
    addEventListener("afterprint", () => folded.forEach((node) => { node.open = false; }), { once: true });
  }

  /* Paper is light: code, formulas and figures are printed in the colours of the light theme. */
  function printLight() {
    const page = document.documentElement;
    if (page.dataset.theme !== "dark") return;
    page.dataset.theme = "light";
    addEventListener("afterprint", () => { page.dataset.theme = "dark"; }, { once: true });
  }

  function start() {
    addEventListener("beforeprint", printLight);
    addEventListener("beforeprint", unfold);
    addEventListener("click", openByTitle, true);
    nameControls();
    markScrollers();
    addEventListener("resize", markScrollers);
    addEventListener("resize", boxFormulas);
    if (window.MathJax?.startup?.promise) {
      MathJax.startup.promise.then(() => {
        markScrollers();
        boxFormulas();
        nameFormulas();
      });
    }
    document.documentElement.dataset.paralgReady = "true";
  }

  if (document.readyState === "complete") start();
  else addEventListener("load", start);
})();
