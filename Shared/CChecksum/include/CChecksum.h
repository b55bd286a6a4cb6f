// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of Kafka's record batches.
#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// Continues `crc` (0 to begin) over `length` bytes, with the processor's instruction where it has one.
uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t length);

// The same by table: the path of processors without the instruction, and what the other path is tested against.
uint32_t checksum_crc32c_portable(uint32_t crc, const void *data, size_t length);

#endif
