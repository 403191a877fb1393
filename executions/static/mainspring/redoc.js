// Redoc loads a logo from its vendor's server and has no option against that: hide images from other servers.
"use strict";
(() => {
  const image = HTMLImageElement.prototype;
  const source = Object.getOwnPropertyDescriptor(image, "src");

  function isFromOtherServer(value) {
    const url = new URL(value, document.baseURI);
    return url.protocol.startsWith("http") && url.origin !== window.location.origin;
  }

  Object.defineProperty(image, "src", {
    ...source,
    set(value) {
      if (isFromOtherServer(value)) this.hidden = true;
      else source.set.call(this, value);
    },
  });
  image.setAttribute = function (name, value) {
    if (name === "src" && isFromOtherServer(value)) this.hidden = true;
    else Element.prototype.setAttribute.call(this, name, value);
  };
})();
