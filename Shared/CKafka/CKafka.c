#include "CKafka.h"

rd_kafka_resp_err_t ckafka_produce(rd_kafka_t *client, rd_kafka_topic_t *topic, int32_t partition, const void *key,
                                   size_t key_size, const void *value, size_t value_size, rd_kafka_headers_t *headers,
                                   void *opaque) {
  if (headers == NULL) {
    // The plain call costs less, and is the one that the fastest paths take.
    int status =
        rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)value, value_size, key, key_size, opaque);
    return status == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
  }
  rd_kafka_vu_t parts[] = {
      {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
      {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
      {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
      {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)key, key_size}},
      {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)value, value_size}},
      {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
      {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
  };
  rd_kafka_error_t *error = rd_kafka_produceva(client, parts, sizeof parts / sizeof parts[0]);
  if (error == NULL) return RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  return code;
}
