/* The search page, on top of Sphinx's search: other words for the same thing, prose before pages of
   the library, and links that lead to the section that has the words.  Nothing leaves the site. */
(() => {
  "use strict";

  /* Words that a reader may type for one another. */
  const SAME = [
    ["speedup", "speed-up"],
    ["prefix sum", "prefix sums", "cumulative sum", "cumsum", "scan"],
    ["gpu", "graphics processor", "accelerator", "cuda"],
    ["span", "depth", "critical path"],
    ["worker", "processor", "thread", "core"],
    ["reduce", "reduction", "fold", "tree sum"],
    ["rnn", "recurrent network", "recurrence"],
    ["kv cache", "key value cache"],
    ["ssm", "state space", "state-space model"],
    ["llm", "language model"],
    ["simd", "vector instructions", "lanes"],
    ["mpi", "message passing"],
    ["pagerank", "random walk with restart"],
    ["speculative decoding", "draft and verify"],
    ["diffusion language model", "masked diffusion"],
    ["benchmark", "timing", "measurement"],
  ];
  /* How much a place weighs: what explains comes before what lists, and both before the library. */
  const WEIGHTS = [
    [/^book\/api\//, 0], [/^book\/(benchmarks|course|bibliography|scoreboard|index)/, 40],
    [/^(notebooks|book\/foundations|book\/glossary)/, 60], [/./, 50],
  ];
  const NAME = /[._(]/; /* a query that is the name of a function wants the library first */
  /* Results quote the text of a section, not the buttons and doors above it or folded code. */
  const NOT_QUOTED = ".headerlink, script, style, nav, button, .paralg-doors, .toctree-wrapper, details.hide,"
    + ".cell_output pre, .paralg-quiz, .paralg-explorer";
  const SHOWN = 60, FIRST = 10; /* results at most, and those led to a section before they are seen */

  const words = (text) => splitQuery(text.toLowerCase()).join(" ");
  const weight = (page) => WEIGHTS.find(([where]) => where.test(page))[1];

  /* The query itself, then each query in which a word or phrase is replaced by one that means the same. */
  function variants(query) {
    const typed = ` ${words(query)} `, found = [];
    for (const group of SAME) {
      const phrases = group.map(words);
      const here = phrases.filter((phrase) => typed.includes(` ${phrase} `));
      if (!here.length) continue;
      const longest = here.reduce((a, b) => (b.length > a.length ? b : a));
      for (const other of phrases) {
        if (!here.includes(other)) found.push(typed.replace(` ${longest} `, ` ${other} `).trim());
      }
    }
    for (const [one, other] of [[/is(e|ed|es|ing|ation)\b/g, "iz$1"], [/iz(e|ed|es|ing|ation)\b/g, "is$1"]]) {
      if (one.test(typed)) found.push(typed.replace(one, other).trim());
    }
    return [...new Set(found)];
  }

  /* Sphinx's results for the query and for each variant, best first, each place once. */
  function gather(query, others) {
    const best = new Map();
    [query, ...others].forEach((text, place) => {
      const parsed = Search._parseQuery(text);
      for (const item of Search._performSearch(...parsed)) {
        const result = [...item], key = item[0] + item[2], known = best.get(key);
        const most = NAME.test(query) ? 100 : 20; /* an entry of the index has up to 100 */
        result[4] = Math.min(item[4], most) + (most > 20 ? 0 : weight(item[0])) - (place ? 4 : 0);
        result.words = { phrase: words(text), terms: [...parsed[1]].filter((term) => term.length > 2) };
        if (known && known[4] > result[4]) result[4] = known[4];
        if (!known || result[3] || (!known[3] && result[4] > known[4])) best.set(key, result);
      }
    });
    Search._parseQuery(query); /* the words that the next page marks */
    return [...best.values()].sort((a, b) => b[4] - a[4] || a[1].localeCompare(b[1]));
  }

  const pages = new Map();
  function read(url) {
    if (!pages.has(url)) {
      const folder = location.protocol === "file:"; /* nothing can be fetched then, and asking is an error */
      pages.set(url, folder ? Promise.resolve(null) : fetch(url).then((answer) => answer.text()).then((text) => {
        const page = new DOMParser().parseFromString(text, "text/html");
        page.querySelectorAll(NOT_QUOTED).forEach((node) => node.remove());
        return page;
      }).catch(() => null)); /* results without their sections */
    }
    return pages.get(url);
  }

  const heading = (section) => section.querySelector(":scope > :is(h1, h2, h3, h4)");
  const count = (text, term) => text.split(term).length - 1;

  /* The section of a page that has most of the words, in its heading or its own text. */
  function bestSection(page, { phrase, terms }) {
    let best = null;
    page.querySelectorAll("article section[id]:has(> :is(h1, h2, h3, h4))").forEach((section) => {
      const own = section.cloneNode(true);
      own.querySelectorAll("section").forEach((inner) => inner.remove());
      const title = words(heading(section).textContent), text = words(own.textContent);
      let score = (title.includes(phrase) ? 16 : 0) + (text.includes(phrase) ? 10 : 0) + Math.min(4, count(text, phrase));
      for (const term of terms) score += (title.includes(term) ? 6 : 0) + (text.includes(term) ? 3 : 0);
      if (score > 0 && (!best || score > best.score)) best = { section, own, score };
    });
    return best;
  }

  /* Words of a section around the first place that has what was searched for. */
  function excerpt(place, { phrase, terms }) {
    heading(place)?.remove();
    const plain = place.textContent.replace(/\\[()[\]]/g, "").replace(/\s+/g, " ").trim();
    const lower = plain.toLowerCase().replace(/-/g, " ");
    const exact = lower.indexOf(phrase), found = terms.map((term) => lower.indexOf(term)).filter((at) => at >= 0);
    const from = Math.max(0, (exact >= 0 ? exact : found.length ? Math.min(...found) : 0) - 90);
    const start = from ? plain.indexOf(" ", from) + 1 : 0;
    return `${start ? "… " : ""}${plain.slice(start, start + 220)}${start + 220 < plain.length ? " …" : ""}`;
  }

  const tidy = (title) => title.replace(/ > /g, " › ").replace(/ \(([^()]*)\)$/, "$1");

  /* One result: title and what it is; then the words around, and a whole page becomes a section of it. */
  function show(item) {
    const [page, title, anchor, what] = item;
    const line = Search.output.appendChild(document.createElement("li"));
    const link = line.appendChild(document.createElement("a"));
    const url = document.documentElement.dataset.content_root + page + DOCUMENTATION_OPTIONS.FILE_SUFFIX;
    link.href = url + anchor;
    link.innerHTML = tidy(title);
    if (what) line.append(` (${new DOMParser().parseFromString(what, "text/html").body.textContent})`);
    if (!what) line.lead = () => lead(item, url, line, link);
    return line;
  }

  async function lead(item, url, line, link) {
    delete line.lead;
    const page = await read(url), anchor = item[2];
    if (!page) return;
    const found = anchor ? null : bestSection(page, item.words);
    const place = anchor ? page.getElementById(anchor.slice(1)) : found?.own;
    if (found) {
      const to = `${url}#${found.section.id}`;
      if (Search.output.querySelector(`a[href="${CSS.escape(to)}"]`)) return line.remove();
      link.href = to;
      if (heading(found.section).tagName !== "H1") link.append(` › ${heading(found.section).textContent.trim()}`);
    }
    if (!place) { /* only folded code or a quiz has the words */
      link.href = `${url}#${page.querySelector("article section[id]")?.id ?? ""}`;
      return;
    }
    const quoted = document.createElement("p");
    quoted.className = "context";
    quoted.textContent = excerpt(place, item.words);
    line.append(quoted);
  }

  Search.query = async (query) => {
    const others = variants(query);
    const results = gather(query, others);
    if (others.length) {
      const also = document.createElement("p");
      also.className = "paralg-also";
      also.textContent = `Also searched for: ${others.join(", ")}.`;
      Search.status.after(also);
    }
    const lines = results.slice(0, SHOWN).map(show);
    _finishSearch(results.length);
    let ready = 0;
    for (const line of lines) {
      if (ready === FIRST) break;
      await line.lead?.();
      ready += line.isConnected;
    }
    Search.output.dataset.ended = "true";
    const watch = new IntersectionObserver((seen) => {
      for (const { target } of seen.filter((entry) => entry.isIntersecting)) {
        watch.unobserve(target);
        target.lead();
      }
    }, { rootMargin: "500px" });
    [...Search.output.children].filter((line) => line.lead).forEach((line) => watch.observe(line));
  };
})();
