import EventLoop
import Redis

/// What Redis does as one step. All keys of a call carry the same tag, so that a cluster keeps them together.
@Loop enum LiveScripts {
  /// Loads members: for each the record, then the time of the last heartbeat of each of its devices, where it is steady.
  ///
  /// Keys: the steady devices, then each member's record. Arguments: the members.
  static let load = RedisScript(
    """
    local answer = {}
    for i = 2, #KEYS do
      local record = redis.call('GET', KEYS[i])
      local beats = {}
      if record then
        for device in record:gmatch('\\n(%S+)') do
          beats[#beats + 1] = redis.call('ZSCORE', KEYS[1], ARGV[i - 1] .. '/' .. device)
        end
      end
      answer[#answer + 1] = record
      answer[#answer + 1] = beats
    end
    return answer
    """)

  /// Replaces a record, unless it or the heartbeats that the change stands on are not what they were. Returns 1 or 0.
  ///
  /// Keys: the record, and the partition's steady devices, looks, sockets and untold changes. Arguments: the old record
  /// (empty for none), the new one, its life in milliseconds (0: for ever), the member, the time of the next look (empty
  /// for none), the untold change with its time (empty for none), then three counted lists: devices that are steady no more
  /// with their last heartbeats, steady devices with theirs, sockets with what becomes of them.
  static let save = RedisScript(
    """
    if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
    local at = 8
    local function list(visit)
      local count = tonumber(ARGV[at])
      for i = at + 1, at + 2 * count, 2 do
        if not visit(ARGV[i], ARGV[i + 1]) then return false end
      end
      at = at + 1 + 2 * count
      return true
    end
    local begin = at
    if not list(function(device, beat) return redis.call('ZSCORE', KEYS[2], device) == beat end) then return 0 end
    at = begin
    list(function(device) return redis.call('ZREM', KEYS[2], device) end)
    list(function(device, beat) return redis.call('ZADD', KEYS[2], 'GT', beat, device) end)
    list(function(socket, is_open)
      if is_open == '1' then return redis.call('ZADD', KEYS[4], 0, socket) end
      return redis.call('ZREM', KEYS[4], socket)
    end)
    if ARGV[3] == '0' then
      redis.call('SET', KEYS[1], ARGV[2])
    else
      redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    end
    if ARGV[5] == '' then redis.call('ZREM', KEYS[3], ARGV[4]) else redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4]) end
    if ARGV[6] ~= '' then redis.call('ZADD', KEYS[5], ARGV[7], ARGV[6]) end
    return 1
    """)

  /// Notes that a partition's feed is heard.
  ///
  /// Key: the feed. Arguments: the time, and when it must have been heard last so that there was no break.
  static let hear = RedisScript(
    """
    local last = redis.call('HGET', KEYS[1], 'last')
    if not last or tonumber(last) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], 'since', ARGV[1]) end
    redis.call('HSET', KEYS[1], 'last', ARGV[1])
    return 1
    """)

  /// Finds what is due in a partition, for one replica at a time: nothing for the others.
  ///
  /// Keys: the lease, and the partition's steady devices, looks, gateways, sockets, untold changes and feed. Arguments: the
  /// replica, the lease in milliseconds, the time, before when heartbeats are too old, before when gateways are dead,
  /// before when changes should have been told, when the feed must have been heard last, and how much of each at most.
  /// Returns steady devices whose heartbeats ceased with their times, members to look at with their times, sockets of dead
  /// gateways, untold changes, and the number of steady devices.
  ///
  /// Where the feed was not heard since the time before which gateways are dead, there are no devices that have ceased, and
  /// no dead gateways: whoever is silent may just not have been heard.
  static let due = RedisScript(
    """
    local owner = redis.call('GET', KEYS[1])
    if owner and owner ~= ARGV[1] then return {} end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    local limit = ARGV[8]
    local function before(key, time, ...)
      return redis.call('ZRANGEBYSCORE', key, '-inf', time, ...)
    end
    local feed = redis.call('HMGET', KEYS[7], 'since', 'last')
    local silent, sockets = {}, {}
    if feed[1] and tonumber(feed[1]) <= tonumber(ARGV[5]) and tonumber(feed[2]) >= tonumber(ARGV[7]) then
      silent = before(KEYS[2], ARGV[4], 'WITHSCORES', 'LIMIT', 0, limit)
      for _, gateway in ipairs(before(KEYS[4], ARGV[5], 'LIMIT', 0, 10)) do
        local found = redis.call('ZRANGEBYLEX', KEYS[5], '[' .. gateway .. '/', '(' .. gateway .. '0', 'LIMIT', 0, limit)
        for _, socket in ipairs(found) do sockets[#sockets + 1] = socket end
        if #found == 0 then redis.call('ZREM', KEYS[4], gateway) end
      end
    end
    return {
      silent, before(KEYS[3], ARGV[3], 'WITHSCORES', 'LIMIT', 0, limit), sockets,
      before(KEYS[6], ARGV[6], 'LIMIT', 0, limit), redis.call('ZCARD', KEYS[2]),
    }
    """)
}
