// librdkafka's public header, and the one call that Swift cannot make by itself in a readable way.
#ifndef CKAFKA_H
#define CKAFKA_H

#include <librdkafka/rdkafka.h>

/// Queues one message. Copies key and value; takes `headers` (may be NULL) on success only. A NULL key or value means
/// "none", which is not the same as an empty one.
rd_kafka_resp_err_t ckafka_produce(rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, const void *key,
                                   size_t key_size, const void *value, size_t value_size, rd_kafka_headers_t *headers,
                                   void *opaque);

#endif
