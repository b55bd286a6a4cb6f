// libcurl, and its variadic calls in forms that Swift can make.
#ifndef CCURL_H
#define CCURL_H

#include <curl/curl.h>

typedef size_t (*ccurl_data_function)(char *bytes, size_t size, size_t count, void *context);

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value);
CURLcode ccurl_set_size(CURL *handle, CURLoption option, curl_off_t value);
CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value);
CURLcode ccurl_set_function(CURL *handle, CURLoption option, ccurl_data_function value);
CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value);

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value);
CURLMcode ccurl_multi_set_callbacks(CURLM *handle, curl_socket_callback sockets, curl_multi_timer_callback timer,
                                    void *context);
// The next transfer that has ended and why; null when there is none.
CURL *ccurl_multi_next_done(CURLM *handle, CURLcode *result);

#endif
