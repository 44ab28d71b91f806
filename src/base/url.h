/* Is this text an address of the form that we need? Checks for configuration values; nothing is resolved. Pure. */
#pragma once

/* A numeric address (IPv6 without brackets) or a host name: letters, digits and `. - _ : %`, at most 253. */
bool url_is_host(const char *text);

/* `scheme://host[:port][/path]`, scheme being one of the two, IPv6 in brackets. No user or password (the text is
 * logged), no query, no fragment. */
bool url_is_base(const char *text, const char *scheme, const char *other_scheme);

/* Whether a base is of this machine: localhost, 127.x.x.x, [::1]. */
bool url_is_loopback(const char *base);

/* What a browser sends as Origin: `http://host[:port]` or `https://...`, nothing behind. */
bool url_is_origin(const char *text);
