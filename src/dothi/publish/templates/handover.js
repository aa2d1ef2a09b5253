// Unpacks what the page carries and starts the app. Modules cannot be loaded from a disk, so they become blobs.
(async () => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const root = document.documentElement;

  // --- sheets: one of them is shown at a time, named in the address so that a link can lead to it
  const tabs = [...document.querySelectorAll("#sheets button")];
  const show = (id, focus) => {
    for (const tab of tabs) {
      const on = tab.dataset.sheet === id;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.dataset.sheet).hidden = !on;
      if (on && focus) tab.focus();
    }
  };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => show(tab.dataset.sheet));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      show(tabs[(place + step + tabs.length) % tabs.length].dataset.sheet, true);
    });
  });
  document.getElementById("sheets").hidden = false;
  const known = ["vi", "fr", "en"];
  const first = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => known.includes(tag));
  root.lang = first ?? "en"; // the app changes it when its reader chooses another
  show("city");

  // --- the app
  if (typeof DecompressionStream === "undefined") {
    document.getElementById("old").hidden = false;
    return;
  }
  const { texts, paths } = read("dothi-files");
  const files = Object.create(null);
  for (const path in paths) files[path] = texts[paths[path]];
  globalThis.__DOTHI_FILES__ = files;

  const unpack = (text) => {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  };
  const address = async (text) => URL.createObjectURL(new Blob([await unpack(text)], { type: "text/javascript" }));
  const { entry, modules, workers } = read("dothi-code");
  const started = {};
  for (const name in workers) started[name] = await address(workers[name]);
  globalThis.__DOTHI_WORKERS__ = started;
  const imports = {};
  for (const name in modules) imports[`dothi/${name}`] = await address(modules[name]);
  const map = document.createElement("script");
  map.type = "importmap";
  map.nonce = document.currentScript?.nonce ?? document.getElementById("dothi-boot").nonce;
  map.textContent = JSON.stringify({ imports });
  document.head.append(map);
  await import(`dothi/${entry}`);
})();
