package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

const pageStyle = `
:root {
  color-scheme: light dark;
  --page: #f3f4f7; --card: #ffffff; --line: #e3e5ea; --text: #1c1e26; --quiet: #626675;
  --accent: #3757d5; --good: #2b9a57; --warn: #b7791f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15161a; --card: #1f2127; --line: #32353e; --text: #eceef3; --quiet: #a2a7b5;
    --accent: #8ea4ff; --good: #4cc27d; --warn: #e0a94a;
  }
}
* { box-sizing: border-box; margin: 0; }
html, body { height: 100%; }
body {
  display: grid; place-items: center; padding: 1.5rem;
  background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Cantarell, "Noto Sans", "DejaVu Sans", sans-serif;
}
main {
  width: 100%; max-width: 27rem; padding: 2.25rem 2rem 2.5rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 14px;
  box-shadow: 0 1px 2px rgb(0 0 0 / .05), 0 12px 32px rgb(0 0 0 / .07);
  text-align: center;
}
.app { color: var(--accent); font-weight: 700; letter-spacing: .01em; margin-bottom: 1.75rem; }
svg { width: 72px; height: 72px; margin-bottom: 1.25rem; fill: none; stroke-width: 4; stroke-linecap: round; stroke-linejoin: round; }
.done svg { stroke: var(--good); }
.refused svg { stroke: var(--warn); }
svg circle { stroke-opacity: .3; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 700; margin-bottom: .6rem; text-wrap: balance; }
.lead { text-wrap: balance; }
.more { margin-top: .9rem; color: var(--quiet); font-size: .9rem; text-wrap: balance; }
`

// pageStyleHash names the one style sheet that the page may use (CSP level 3).
func pageStyleHash() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Pictures are drawn in place; the page loads nothing.
const (
	tickPicture  = `<svg viewBox="0 0 72 72" aria-hidden="true"><circle cx="36" cy="36" r="34"/><path d="M22 37.5l9.5 9.5L50.5 27"/></svg>`
	pausePicture = `<svg viewBox="0 0 72 72" aria-hidden="true"><circle cx="36" cy="36" r="34"/><path d="M36 20v20M36 51.5v.5"/></svg>`
)

// finalPage is what the browser shows at the end: one of two fixed pages, with
// nothing in them that came from outside.
func finalPage(refused bool) []byte {
	kind, picture, title, lead := "done", tickPicture, "All done here",
		"You can close this tab and go back to Waybill."
	more := "Your identity provider has answered. Waybill does the rest."
	if refused {
		kind, picture, title = "refused", pausePicture, "You are not signed in"
		more = "Your identity provider ended the sign-in. Waybill says why, and lets you try again."
	}
	return []byte(strings.NewReplacer("{kind}", kind, "{picture}", picture, "{title}", title, "{lead}", lead, "{more}", more, "{style}", pageStyle).Replace(
		`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Waybill</title>
<style>{style}</style>
</head>
<body>
<main class="{kind}">
<p class="app">Waybill</p>
{picture}
<h1>{title}</h1>
<p class="lead">{lead}</p>
<p class="more">{more}</p>
</main>
</body>
</html>
`))
}
