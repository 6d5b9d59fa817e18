/* A small computation graph on p workers: the list schedule as a Gantt chart between Brent's bounds. */

const WIDTH = 640;
const LEFT = 40;
const ROW = 30;

/* Greedy list scheduling: whenever a worker is idle, the first ready task of the list starts. */
function schedule(graph, order, p) {
  const n = graph.durations.length;
  const start = new Array(n).fill(null);
  const worker = new Array(n).fill(null);
  const free = new Array(p).fill(0);
  const ends = (v) => (start[v] === null ? Infinity : start[v] + graph.durations[v]);
  const isReady = (v, now) => start[v] === null && graph.needs[v].every((u) => ends(u) <= now);
  let now = 0;
  for (let done = 0; done < n; ) {
    for (const v of order) {
      const w = free.findIndex((t) => t <= now);
      if (w < 0) break;
      if (!isReady(v, now)) continue;
      start[v] = now;
      worker[v] = w;
      free[w] = now + graph.durations[v];
      done += 1;
    }
    now = Math.min(...free.filter((t) => t > now));
  }
  return { start, worker, makespan: Math.max(...start.map((_, v) => ends(v))) };
}

const phase = (t, from, duration) => (t < from ? "waiting" : t < from + duration ? "running" : "done");

function box(x, y, width, name, state) {
  const styles = {
    waiting: { class: "pe-fill-none" },
    running: { class: "pe-fill-vermilion", "fill-opacity": 0.45, stroke: kit.colors.vermilion, "stroke-width": 3 },
    done: { class: "pe-fill-grey", "fill-opacity": 0.25, stroke: kit.colors.grey },
  };
  return kit.svg("g", { "data-state": state },
    kit.svg("rect", { x: x + 1, y: y + 2, width: width - 2, height: ROW - 4, rx: 4, ...styles[state] }),
    kit.svg("text", { x: x + width / 2, y: y + ROW / 2 + 4.5, "text-anchor": "middle", text: name }));
}

export default {
  render({ model, el }) {
    const graphs = model.get("graphs");
    let graph = graphs[0];
    let plan = null;

    const picture = kit.picture({ width: WIDTH, height: 400, label: "" });
    const numbers = kit.numbers(["Time Tₚ", "At least (dotted)", "At most (dashed)", "Utilisation", "Work W", "Span S"]);
    const status = kit.status();
    const which = kit.choice({ label: "Graph", value: graph.id,
      options: graphs.map((g) => ({ value: g.id, label: g.label })), onChange: restart });
    const order = kit.choice({ label: "Order of the list", value: "listed",
      options: model.get("orders").map(([value, label]) => ({ value, label })), onChange: restart });
    const workers = kit.slider({ label: "Workers p", min: 1, max: 6, value: 3, onInput: restart });
    let clock = null;
    const place = kit.html("div", { style: { flex: "1 1 14rem" } });
    const play = kit.play({ label: "Run", onTick: () => clock.step(1) });

    function restart() {
      graph = graphs.find((g) => g.id === which.value);
      plan = schedule(graph, graph.orders[order.value], workers.value);
      clock = kit.slider({ label: "Time", min: 0, max: plan.makespan, value: 0, onInput: draw });
      place.replaceChildren(clock.el);
      draw(0);
    }

    function draw(t) {
      const p = workers.value;
      const { work, span } = graph;
      const [low, high] = [Math.max(work / p, span), (work - span) / p + span];
      const x = kit.linear([0, work], [LEFT, WIDTH - 14]);
      const top = 26;
      const gantt = top + graph.lanes * ROW + 44;
      const bottom = gantt + p * ROW;
      picture.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 62}`);
      kit.clear(picture).append(
        kit.svg("text", { x: LEFT, y: 17, text: "Graph: every task as early as its arrows allow" }),
        ...arrows(x, top), ...early(x, top, t),
        kit.svg("text", { x: LEFT, y: gantt - 10, text: `Schedule on ${kit.plural(p, "worker")}` }),
        ...rows(gantt, p), ...bars(x, gantt, t), ...limits(x, gantt, bottom, low, high),
        kit.svg("line", { x1: x(t), x2: x(t), y1: gantt - 4, y2: bottom + 4, class: "pe-line-blue", "stroke-width": 2 }));
      kit.axis(picture, { at: bottom + 8, from: x(0), to: x(work), scale: x,
        values: kit.ticks(0, work, 8), label: "time" });
      describe(t, low, high);
    }

    function arrows(x, top) {
      const centre = (v) => top + (graph.lane[v] + 0.5) * ROW;
      return graph.needs.flatMap((needs, v) => needs.map((u) => kit.svg("line", {
        x1: x(graph.early[u] + graph.durations[u]) - 2, y1: centre(u), x2: x(graph.early[v]) + 2, y2: centre(v),
        stroke: kit.colors.grey, "stroke-width": 1.5 })));
    }

    const early = (x, top, t) => graph.names.map((name, v) => box(x(graph.early[v]), top + graph.lane[v] * ROW,
      x(graph.durations[v]) - x(0), name, phase(t, plan.start[v], graph.durations[v])));

    const bars = (x, gantt, t) => graph.names.map((name, v) => box(x(plan.start[v]), gantt + plan.worker[v] * ROW,
      x(graph.durations[v]) - x(0), name, phase(t, plan.start[v], graph.durations[v])));

    const rows = (gantt, p) => Array.from({ length: p }, (_, w) => kit.svg("text", {
      x: LEFT - 8, y: gantt + w * ROW + ROW / 2 + 4, "text-anchor": "end", text: `w${w}` }));

    function limits(x, gantt, bottom, low, high) {
      const line = (at, dash) => kit.svg("line", { x1: x(at), x2: x(at), y1: gantt - 6, y2: bottom + 6,
        class: "pe-line-green", "stroke-width": 2, "stroke-dasharray": dash });
      return [line(low, "2 4"), line(high, "8 4")];
    }

    function describe(t, low, high) {
      const busy = graph.names.filter((_, v) => phase(t, plan.start[v], graph.durations[v]) === "running");
      const share = graph.work / (workers.value * plan.makespan);
      numbers.set({ "Time Tₚ": plan.makespan, "At least (dotted)": low, "At most (dashed)": high,
        "Utilisation": kit.percent(share), "Work W": graph.work, "Span S": graph.span });
      const idle = workers.value - busy.length;
      const now = t >= plan.makespan ? "all tasks have ended"
        : `running ${busy.join(", ")}; ${idle ? kit.plural(idle, "worker") + " idle" : "nobody idle"}`;
      status.say(`Time ${t} of ${plan.makespan}: ${now}.`);
      picture.describe(`${graph.label} on ${kit.plural(workers.value, "worker")}: ends at ${plan.makespan}, `
        + `bounds ${kit.number(low)} to ${kit.number(high)}`);
    }

    el.append(kit.controls(which, order, workers), kit.controls(place, play), picture, numbers.el, status.el);
    restart();
  },
};
