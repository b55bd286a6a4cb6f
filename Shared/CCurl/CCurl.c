#include "CCurl.h"

CURLcode ccurl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_pointer(CURL *handle, CURLoption option, const void *value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_set_function(CURL *handle, CURLoption option, ccurl_data_function value) {
  return curl_easy_setopt(handle, option, value);
}

CURLcode ccurl_get_long(CURL *handle, CURLINFO info, long *value) { return curl_easy_getinfo(handle, info, value); }

CURLMcode ccurl_multi_set_long(CURLM *handle, CURLMoption option, long value) {
  return curl_multi_setopt(handle, option, value);
}

CURLMcode ccurl_multi_set_callbacks(CURLM *handle, curl_socket_callback sockets, curl_multi_timer_callback timer,
                                    void *context) {
  curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION, sockets);
  curl_multi_setopt(handle, CURLMOPT_SOCKETDATA, context);
  curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION, timer);
  return curl_multi_setopt(handle, CURLMOPT_TIMERDATA, context);
}

CURL *ccurl_multi_next_done(CURLM *handle, CURLcode *result) {
  int left = 0;
  for (CURLMsg *message; (message = curl_multi_info_read(handle, &left));) {
    if (message->msg != CURLMSG_DONE) continue;
    *result = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}
