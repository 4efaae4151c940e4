// Quick search: a combobox over what the server finds. What was open lately is remembered here as ids
// alone, per workspace; whether they still exist, and for whom, the server says each time.
(() => {
  "use strict";

  const palette = document.getElementById("command");
  if (!palette) return;
  const field = palette.querySelector("[role=combobox]");
  const list = document.getElementById("palette-results");
  const status = document.getElementById("palette-status");
  const RECENT = `recent:${palette.dataset.slug}`;
  const MOST_RECENT = 6;
  const KINDS = { companies: "company", people: "person", emails: "thread", events: "event" };

  let answered = null; // the words that what is listed was found by
  let isMeant = false; // Enter was pressed before that was known

  // --- Opening and closing

  function open() {
    if (palette.open) return field.select();
    field.value = "";
    answered = null;
    list.replaceChildren();
    palette.showModal();
    field.focus();
    window.htmx.trigger(field, "palette-opened");
  }

  function toggle(event) {
    if (event.key.toLowerCase() !== "k" || event.shiftKey || event.altKey || event.ctrlKey === event.metaKey) return;
    event.preventDefault();
    if (palette.open) palette.close();
    else open();
  }

  // --- What is chosen

  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
  const active = () => list.querySelector("[data-active]");

  function activate(option) {
    const before = active();
    before?.removeAttribute("data-active");
    before?.setAttribute("aria-selected", "false");
    if (!option) return field.removeAttribute("aria-activedescendant");
    option.dataset.active = "";
    option.setAttribute("aria-selected", "true");
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const all = options();
    const at = all.indexOf(active());
    activate(all.at(at < 0 ? (step > 0 ? 0 : -1) : (at + step) % all.length));
  }

  function press(event) {
    if (event.isComposing || !palette.open) return;
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Enter" && !event.repeat) enter();
    else return;
    event.preventDefault();
  }

  function enter() {
    isMeant = answered !== field.value.trim();
    if (!isMeant) active()?.click();
  }

  function choose(event) {
    const option = event.target.closest("[role=option]");
    if (!option || option.hasAttribute("aria-disabled")) return;
    if (option.dataset.key) remember(option.dataset.key);
    if (option.dataset.does) { event.preventDefault(); DOES[option.dataset.does](); }
    if (!event.ctrlKey && !event.metaKey) palette.close();
  }

  const DOES = {
    "theme": () => {
      const isDark = getComputedStyle(document.documentElement).colorScheme === "dark"
        || (document.documentElement.dataset.theme || "") !== "light" && matchMedia("(prefers-color-scheme: dark)").matches;
      document.querySelector(`[data-theme-switch] input[value=${isDark ? "light" : "dark"}]`)?.click();
    },
    "sign-out": () => document.querySelector("#account-menu form[action*=logout]")?.requestSubmit(),
  };

  // --- Recent

  function recent() {
    return (localStorage.getItem(RECENT) || "").split(" ").filter((key) => /^\w+:\d+$/.test(key));
  }

  function remember(key) {
    const keys = [key, ...recent().filter((one) => one !== key)].slice(0, MOST_RECENT);
    localStorage.setItem(RECENT, keys.join(" "));
  }

  function rememberPage() {
    const [, slug, plural, id] = location.pathname.split("/");
    if (slug === palette.dataset.slug && KINDS[plural] && /^\d+$/.test(id)) remember(`${KINDS[plural]}:${id}`);
  }

  function sayWhere(event) {
    if (event.detail.elt !== field) return;
    event.detail.parameters.here = location.pathname;
    if (!field.value.trim()) event.detail.parameters.recent = recent().join(" ");
  }

  // --- Wiring

  function onSettled(event) {
    if (event.detail.target !== list) return;
    list.scrollTop = 0;
    activate(options()[0]);
    answered = (event.detail.requestConfig.parameters.q ?? "").trim();
    if (isMeant && palette.open) enter();
    const found = options().length;
    status.textContent = found === 0 ? "Nothing found" : found === 1 ? "1 result" : `${found} results`;
  }

  document.addEventListener("keydown", toggle);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-palette]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  field.addEventListener("keydown", press);
  field.addEventListener("input", () => { isMeant = false; });
  list.addEventListener("click", choose);
  list.addEventListener("mousemove", (event) => {
    const option = event.target.closest("[role=option]:not([aria-disabled])");
    if (option && option !== active()) activate(option);
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  palette.addEventListener("close", () => { isMeant = false; activate(null); });
  document.body.addEventListener("htmx:configRequest", sayWhere);
  document.body.addEventListener("htmx:afterSettle", onSettled);
  document.body.addEventListener("htmx:pushedIntoHistory", rememberPage);
  document.body.addEventListener("htmx:replacedInHistory", rememberPage);
  rememberPage();
})();
