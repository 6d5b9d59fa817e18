/* A tagged text: its branches over the calls of the engine, what a token sees, and what tags cost.
 *
 * Parser, position ids and schedule are those of the library, written again for the browser.
 */

const TAG = /^<\/?(Parallel|Goal|Outline|Path|Conclusion)>$/;
const STAGES = { text: "grey", goal: "sky", path: "vermilion", conclusion: "green" };
const LEFT = 26;
const ROW = 30;
const MOST = 90;

/* Tokens {symbol, before, depth, branch, stage, free}; throws a sentence for what is no text. */
function parse(text) {
  const symbols = text.trim().split(/\s+/).filter(Boolean);
  const tokens = [];
  let branches = 1;
  const next = () => symbols[tokens.length] ?? "the end";
  function take(state, expected) {
    const symbol = next();
    if (expected ? symbol !== expected : TAG.test(symbol) || symbol === "the end") {
      throw new Error(`Expected ${expected ?? "text"} at symbol ${tokens.length}, got ${symbol}.`);
    }
    const depth = Math.max(-1, ...state.before.map((i) => tokens[i].depth)) + 1;
    tokens.push({ symbol, before: state.before, depth, branch: state.branch, stage: state.stage,
      outline: state.outline, free: state.free });
    state.before = [tokens.length - 1];
    return symbol;
  }
  function body(state, stop, blocks) {
    while (next() !== stop) blocks && next() === "<Parallel>" ? block(state) : take(state);
    if (stop !== "the end") take(state, stop);
  }
  function block(state) {
    const outer = state.stage;
    const ids = [];
    state.stage = "goal";
    take(state, "<Parallel>");
    take(state, "<Goal>");
    while (next() !== "</Goal>") {
      if (next() !== "<Outline>") { take(state); continue; }
      state.outline = true;
      take(state, "<Outline>");
      ids.push(take(state));
      body(state, "</Outline>", false);
      state.outline = false;
    }
    take(state, "</Goal>");
    const fork = state.before;
    const ends = [];
    while (ends.length < Math.max(1, ids.length) || (!ids.length && next() === "<Path>")) {
      const path = { before: fork, branch: branches, stage: "path", outline: false, free: true };
      branches += 1;
      take(path, "<Path>");
      if (ids.length) take(path, ids[ends.length]);
      path.free = false;
      body(path, "</Path>", true);
      ends.push(path.before[0]);
    }
    state.stage = "conclusion";
    state.before = ends;
    state.free = true;
    take(state, "<Conclusion>");
    state.free = false;
    body(state, "</Conclusion>", false);
    take(state, "</Parallel>");
    state.stage = outer;
  }
  body({ before: [], branch: 0, stage: "text", outline: false, free: false }, "the end", true);
  return { tokens, branches };
}

/* The call in which each token is written, by p slots that take turns; the prompt is there at call 0. */
function schedule(tokens, prompt, slots) {
  const call = new Array(tokens.length).fill(-1);
  const after = tokens.map(() => []);
  tokens.forEach((one, i) => one.before.forEach((j) => after[j].push(i)));
  const waiting = tokens.map((one) => one.before.length);
  let ready = [];
  const free = (i) => i < prompt || tokens[i].free;
  const settle = (done, now) => done.forEach((i) => {
    call[i] = now;
    after[i].forEach((j) => {
      waiting[j] -= 1;
      if (waiting[j] === 0) { if (free(j)) settle([j], now); else ready.push(j); }
    });
  });
  tokens.forEach((one, i) => { if (!one.before.length) { if (free(i)) settle([i], 0); else ready.push(i); } });
  let calls = 0;
  while (ready.length) {
    calls += 1;
    const batch = ready.slice(0, slots);
    ready = ready.slice(slots);
    settle(batch, calls);
  }
  return { call, calls };
}

/* Which tokens each one depends on, itself included. */
function ancestors(tokens) {
  const sees = tokens.map(() => new Array(tokens.length).fill(false));
  tokens.forEach((one, i) => {
    sees[i][i] = true;
    one.before.forEach((j) => sees[j].forEach((yes, k) => { if (yes) sees[i][k] = true; }));
  });
  return sees;
}

export default {
  render({ model, el }) {
    const texts = model.get("texts");
    const start = model.get("start");
    const numbers = kit.numbers(["Tokens", "Positions", "Parallelism", "Calls", "Calls without tags", "Speed-up"]);
    const status = kit.status();
    const place = kit.html("div");
    const slots = kit.slider({ label: "Slots", min: 1, max: 6, value: start.slots, onInput: () => draw(),
      format: (p) => (p === 6 ? "all" : String(p)) });
    const pick = kit.choice({ label: "Text", options: [...model.get("order"), "own"], value: start.text, onChange: load });
    const area = kit.html("textarea", { rows: 5, class: "pe-button", "aria-label": "Tagged text, blanks between symbols",
      style: { width: "100%", boxSizing: "border-box", fontFamily: "monospace", cursor: "text" }, oninput: edit });
    area.spellcheck = false;
    let token = null;
    let found = null;
    let prompt = 0;

    function load(name) {
      if (name === "own") { area.focus(); return; }
      area.value = texts[name].text;
      prompt = texts[name].prompt;
      read(texts[name].token);
    }

    function edit() {
      pick.set("own", { quiet: true });
      read(0);
    }

    function read(chosen) {
      try {
        found = parse(area.value);
        if (!found.tokens.length) throw new Error("Expected a text, got none.");
        if (found.tokens.length > MOST) throw new Error(`Expected at most ${MOST} symbols, got ${found.tokens.length}.`);
      } catch (error) {
        found = null;
        status.say(error.message);
        return;
      }
      if (pick.value === "own") prompt = Math.max(0, found.tokens.findIndex((one) => TAG.test(one.symbol)));
      found.sees = ancestors(found.tokens);
      token = kit.stepper({ label: "Token", min: 0, max: found.tokens.length - 1, value: Math.min(chosen, found.tokens.length - 1),
        onChange: () => draw(), format: (i) => found.tokens[i].symbol });
      kit.clear(place).append(token.el);
      draw();
    }

    function draw() {
      if (found === null) return;
      const { tokens, branches, sees } = found;
      const { call, calls } = schedule(tokens, prompt, slots.value === 6 ? tokens.length : slots.value);
      const chosen = token.value;
      const positions = Math.max(...tokens.map((one) => one.depth)) + 1;
      const words = tokens.filter((one) => !TAG.test(one.symbol) && !one.outline && !one.free).length
        + tokens.filter((one) => one.free && one.symbol !== "<Path>").length - Math.min(prompt, tokens.length);
      kit.clear(stage).append(lanes(tokens, branches, sees[chosen], call, calls, chosen), heat(tokens, sees, chosen));
      numbers.set({ "Tokens": tokens.length, "Positions": positions, "Parallelism": kit.number(tokens.length / positions),
        "Calls": calls, "Calls without tags": words, "Speed-up": kit.times(words / calls) });
      const seen = sees[chosen].filter(Boolean).length;
      const how = call[chosen] === 0 ? "given" : tokens[chosen].free ? `put in with call ${call[chosen]}` : `written in call ${call[chosen]}`;
      status.say(`${tokens[chosen].symbol}: position ${tokens[chosen].depth}, ${how}; it sees ${seen} of ${tokens.length} tokens.`);
    }

    /* One lane a branch, one column a call; what the chosen token sees is filled. */
    function lanes(tokens, branches, seen, call, calls, chosen) {
      const width = 520;
      const picture = kit.picture({ width, height: branches * ROW + 50, label: `${branches} branches over ${calls} calls` });
      const x = kit.linear([0, calls + 1], [LEFT, width - 4]);
      const size = Math.min(14, x(1) - x(0) - 1);
      tokens.forEach((one, i) => {
        const mates = tokens.map((other, j) => j).filter((j) => call[j] === call[i] && tokens[j].branch === one.branch);
        const up = mates.indexOf(i);
        const high = Math.min(ROW - 8, mates.length === 1 ? 14 : (ROW - 6) / mates.length);
        picture.append(kit.svg("rect", { x: x(call[i]), y: 6 + one.branch * ROW + up * high, width: size, height: high - 1,
          style: { fill: kit.colors[STAGES[one.stage]], fillOpacity: seen[i] ? 0.9 : 0.15,
            stroke: i === chosen ? "currentColor" : kit.colors[STAGES[one.stage]], strokeWidth: i === chosen ? 2.5 : 1 },
          onpointerenter: () => token.set(i) }));
      });
      for (let b = 0; b < branches; b += 1) {
        picture.append(kit.svg("text", { x: LEFT - 8, y: 18 + b * ROW, "text-anchor": "end", text: b === 0 ? "◆" : String(b) }));
      }
      kit.axis(picture, { at: branches * ROW + 6, from: LEFT, to: width - 4, scale: (v) => x(v) + size / 2,
        values: kit.ticks(0, calls, 6).filter(Number.isInteger), label: "call of the model" });
      return picture;
    }

    /* The mask: row sees column; the chosen row is framed. */
    function heat(tokens, sees, chosen) {
      const n = tokens.length;
      const side = 260;
      const picture = kit.picture({ width: side, height: side, label: `Attention mask of ${n} tokens` });
      picture.style.maxWidth = "300px";
      const step = side / n;
      const paths = { yes: {}, no: "" };
      for (let i = 0; i < n; i += 1) {
        for (let j = 0; j <= i; j += 1) {
          const cell = `M${(j * step).toFixed(2)} ${(i * step).toFixed(2)}h${step.toFixed(2)}v${step.toFixed(2)}h${(-step).toFixed(2)}z`;
          if (sees[i][j]) paths.yes[tokens[i].stage] = (paths.yes[tokens[i].stage] ?? "") + cell;
          else paths.no += cell;
        }
      }
      picture.append(kit.svg("path", { d: paths.no, style: { fill: "currentColor", fillOpacity: 0.85 } }));
      for (const [stageName, d] of Object.entries(paths.yes)) {
        picture.append(kit.svg("path", { d, style: { fill: kit.colors[STAGES[stageName]], fillOpacity: 0.75 } }));
      }
      picture.append(kit.svg("rect", { x: 0, y: chosen * step, width: side, height: step,
        style: { fill: "none", stroke: "currentColor", strokeWidth: 2 } }));
      return picture;
    }

    const stage = kit.html("div");
    el.append(kit.controls(pick, slots), kit.controls(place), area, stage, numbers.el, status.el);
    load(start.text);
  },
};
