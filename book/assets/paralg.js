/* Small repairs for readers with keyboards and screen readers.  Nothing here fetches anything. */
(() => {
  "use strict";

  /* Search results quote the text of a page, not the buttons and doors above it or folded code. */
  const NOT_QUOTED = [
    /<div class="bd-header-article[\s\S]*?(?=<article)/,
    /<p class="paralg-doors[\s\S]*?<\/p>/,
    /<details class="[^"]*\bhide\b[\s\S]*?<\/details>/g,
  ];
  if (typeof Search !== "undefined" && Search.htmlToText) {
    const quote = Search.htmlToText;
    Search.htmlToText = (html, anchor) =>
      quote(NOT_QUOTED.reduce((rest, part) => rest.replace(part, ""), html), anchor);
  }

  const SCROLLERS = [
    "pre", ".pst-scrollable-table-container", ".bd-sidebar-primary", ".bd-sidebar-secondary",
    ".cell_output .output", "mjx-container[display='true']", ".math.display", "div.math", ".paralg-graph",
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
    document.querySelectorAll("button.toggle-button-hidden, button.toggle-button").forEach((node) => {
      if (!node.textContent.trim()) node.setAttribute("aria-label", "Show or hide");
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

  /* Paper is light: code, formulas and figures are printed in the colours of the light theme. */
  function printLight() {
    const page = document.documentElement;
    if (page.dataset.theme !== "dark") return;
    page.dataset.theme = "light";
    addEventListener("afterprint", () => { page.dataset.theme = "dark"; }, { once: true });
  }

  function start() {
    addEventListener("beforeprint", printLight);
    nameControls();
    markScrollers();
    addEventListener("resize", markScrollers);
    if (window.MathJax?.startup?.promise) {
      MathJax.startup.promise.then(() => {
        markScrollers();
        nameFormulas();
      });
    }
    document.documentElement.dataset.paralgReady = "true";
  }

  if (document.readyState === "complete") start();
  else addEventListener("load", start);
})();
