// Pages without a kernel: a model that keeps its state in the page. `state` is a plain object.
function pageModel(state) {
  const listeners = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      for (const call of [...(listeners[`change:${name}`] ?? [])]) call();
    },
    on: (event, call) => (listeners[event] ??= []).push(call),
    off(event, call) {
      listeners[event] = (listeners[event] ?? []).filter((other) => other !== call);
    },
    save_changes() {},
  };
}

function mount(id) {
  const state = JSON.parse(document.getElementById(`${id}-state`).textContent);
  render({ model: pageModel(state), el: document.getElementById(id) });
}
