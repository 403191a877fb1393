// Redoc shows its maker's logo from another server, and has no option against it.
"use strict";
(() => {
  const image = HTMLImageElement.prototype;
  const source = Object.getOwnPropertyDescriptor(image, "src");

  function isElsewhere(value) {
    const address = new URL(value, document.baseURI);
    return address.protocol.startsWith("http") && address.origin !== window.location.origin;
  }

  Object.defineProperty(image, "src", {
    ...source,
    set(value) {
      if (isElsewhere(value)) this.hidden = true;
      else source.set.call(this, value);
    },
  });
  image.setAttribute = function (name, value) {
    if (name === "src" && isElsewhere(value)) this.hidden = true;
    else Element.prototype.setAttribute.call(this, name, value);
  };
})();
