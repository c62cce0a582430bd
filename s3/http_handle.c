/* http_handle.c - libcurl's handles: kept between attempts for their connections, and one transfer,
 * which can be given up from another thread. See http_i.h. */
#include "s3/http_i.h"

#include <errno.h>

#define POLL_MS 1000 /* on_progress is called at least so often */

void http_handle_free(struct handle h)
{
	if (h.curl)
		curl_easy_cleanup(h.curl);
	if (h.multi)
		curl_multi_cleanup(h.multi);
}

int http_handle_take(struct http *h, struct handle *ret_h)
{
	struct handle new = { NULL, NULL };

	lock_take(&h->locked.l);
	if (h->locked.n)
		new = h->locked.idle[--h->locked.n];
	lock_drop(&h->locked.l);
	if (new.curl) {
		*ret_h = new;
		return 0;
	}
	new = (struct handle){ curl_easy_init(), curl_multi_init() };
	if (!new.curl || !new.multi ||
	    curl_multi_setopt(new.multi, CURLMOPT_MAXCONNECTS, 2L) != CURLM_OK) {
		http_handle_free(new);
		return -ENOMEM;
	}
	*ret_h = new;
	return 0;
}

void http_handle_give(struct http *h, struct handle used, bool failed)
{
	if (failed) { /* and what it knows of addresses: it is libcurl's cache of names (60 s) */
		http_handle_free(used);
		return;
	}
	curl_easy_reset(used.curl); /* options only: the connection stays */
	lock_take(&h->locked.l);
	if (h->locked.n < h->max_idle) {
		h->locked.idle[h->locked.n++] = used;
		used = (struct handle){ NULL, NULL };
	}
	lock_drop(&h->locked.l);
	http_handle_free(used);
}

static void wake(void *multi)
{
	(void)curl_multi_wakeup(multi);
}

/* How the transfer that multi has (had) ended. */
static CURLcode outcome(CURLM *multi)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left)))
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_ABORTED_BY_CALLBACK;
}

CURLcode http_handle_run(struct handle *h, const struct attempt *a)
{
	CURLMcode mc = curl_multi_add_handle(h->multi, h->curl);
	struct cancel_watch w;
	int running = 1;
	CURLcode cc;

	if (mc != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	cancel_watch(&w, a->req->cancel, wake, h->multi);
	while (mc == CURLM_OK && running) {
		mc = curl_multi_perform(h->multi, &running);
		if (mc != CURLM_OK || !running || cancel_is_fired(a->req->cancel))
			break;
		mc = curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL);
	}
	cancel_unwatch(&w);
	cc = mc == CURLM_OK ? outcome(h->multi) : CURLE_OUT_OF_MEMORY;
	curl_multi_remove_handle(h->multi, h->curl);
	return cc;
}
