(() => {
  // Runs where the figure stands; gives the explorer's module a model with anywidget's interface.
  const figure = (document.currentScript && document.currentScript.closest(".paralg-explorer"))
    || document.querySelector(".paralg-explorer:not([data-ready])");
  if (!figure || figure.dataset.ready) return;
  figure.dataset.ready = "false";
  const { state, esm } = JSON.parse(figure.querySelector(".pe-state").textContent);
  const listeners = {};
  const model = {
    get: (key) => state[key],
    set: (key, value) => {
      state[key] = value;
      for (const name of [`change:${key}`, "change"]) (listeners[name] || []).forEach((call) => call());
    },
    save_changes: () => {},
    on: (name, call) => { (listeners[name] = listeners[name] || []).push(call); },
    off: (name, call) => { listeners[name] = (listeners[name] || []).filter((one) => call && one !== call); },
  };
  const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
  import(address)
    .then((module) => module.default.render({ model, el: figure.querySelector(".pe-live") }))
    .then(() => { figure.dataset.ready = "true"; })
    .catch((error) => { figure.dataset.ready = "failed"; console.error("explorer", figure.id, error); })
    .finally(() => URL.revokeObjectURL(address));
})();
