// Shows the description of the API. What is sent from the page carries the session's CSRF token.
"use strict";
const csrf = document.querySelector('meta[name="csrf-token"]').content;
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
  requestInterceptor(request) {
    if (csrf && request.method && !["GET", "HEAD"].includes(request.method)) request.headers["X-CSRF-Token"] = csrf;
    return request;
  },
});
