#include "CChecksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

// Slicing by 8: table[k][b] is the checksum of byte b followed by k zero bytes.
static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
    table[0][byte] = crc;
  }
  for (int slice = 1; slice < 8; slice++)
    for (int byte = 0; byte < 256; byte++)
      table[slice][byte] = (table[slice - 1][byte] >> 8) ^ table[0][table[slice - 1][byte] & 0xff];
}

uint32_t checksum_crc32c_portable(uint32_t crc, const void *data, size_t length) {
  const uint8_t *at = data;
  crc = ~crc;
  for (; length >= 8; at += 8, length -= 8) {
    crc ^= at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
    crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^
          table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
  }
  for (; length > 0; at++, length--) crc = (crc >> 8) ^ table[0][(crc ^ *at) & 0xff];
  return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t hardware(uint32_t crc, const uint8_t *at, size_t length) {
  uint64_t wide = ~crc, word;
  for (; length >= 8; at += 8, length -= 8) {
    memcpy(&word, at, 8);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = (uint32_t)wide;
  for (; length > 0; at++, length--) crc = _mm_crc32_u8(crc, *at);
  return ~crc;
}

uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t length) {
  if (__builtin_cpu_supports("sse4.2")) return hardware(crc, data, length);
  return checksum_crc32c_portable(crc, data, length);
}

#elif defined(__aarch64__)

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

__attribute__((target("crc"))) static uint32_t hardware(uint32_t crc, const uint8_t *at, size_t length) {
  uint64_t word;
  crc = ~crc;
  for (; length >= 8; at += 8, length -= 8) {
    memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; length > 0; at++, length--) crc = __crc32cb(crc, *at);
  return ~crc;
}

uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t length) {
  if (getauxval(AT_HWCAP) & HWCAP_CRC32) return hardware(crc, data, length);
  return checksum_crc32c_portable(crc, data, length);
}

#else

uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t length) {
  return checksum_crc32c_portable(crc, data, length);
}

#endif
