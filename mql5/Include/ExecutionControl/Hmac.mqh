// HMAC-SHA256 by RFC 2104, over the SHA-256 that the terminal has.

#define ECP_HASH_BLOCK 64
#define ECP_HASH_SIZE 32

bool Sha256(const uchar &data[], uchar &digest[])
{
   uchar no_key[];
   return CryptEncode(CRYPT_HASH_SHA256, data, no_key, digest) == ECP_HASH_SIZE;
}

// What hexadecimal digits say. A leading \x, as psql shows bytes, may stand before them.
bool FromHex(const string text, uchar &bytes[])
{
   const string digits = StringFind(text, "\\x") == 0 ? StringSubstr(text, 2) : text;
   const int count = StringLen(digits) / 2;
   ArrayResize(bytes, count);
   if(StringLen(digits) % 2 != 0)
      return false;
   for(int i = 0; i < 2 * count; i++)
   {
      const ushort digit = StringGetCharacter(digits, i);
      uchar value = 0;
      if(digit >= '0' && digit <= '9')
         value = (uchar)(digit - '0');
      else if(digit >= 'a' && digit <= 'f')
         value = (uchar)(digit - 'a' + 10);
      else if(digit >= 'A' && digit <= 'F')
         value = (uchar)(digit - 'A' + 10);
      else
         return false;
      bytes[i / 2] = (uchar)(i % 2 == 0 ? value << 4 : bytes[i / 2] | value);
   }
   return true;
}

string ToHex(const uchar &bytes[])
{
   string text = "";
   for(int i = 0; i < ArraySize(bytes); i++)
      text += StringFormat("%02x", bytes[i]);
   return text;
}

// Keeps the two pads of its key instead of the key, as the plane does.
class CHmacSha256
{
private:
   uchar m_inner[ECP_HASH_BLOCK];
   uchar m_outer[ECP_HASH_BLOCK];
   bool m_ready;

   static bool Hash(const uchar &pad[], const uchar &data[], uchar &digest[])
   {
      uchar block[];
      const int count = ArraySize(data);
      ArrayResize(block, ECP_HASH_BLOCK + count);
      ArrayCopy(block, pad, 0, 0, ECP_HASH_BLOCK);
      if(count > 0)
         ArrayCopy(block, data, ECP_HASH_BLOCK, 0, count);
      return Sha256(block, digest);
   }

public:
   CHmacSha256(void) : m_ready(false) {}

   bool Ready(void) const { return m_ready; }

   bool SetKey(const uchar &key[])
   {
      uchar short_key[];
      m_ready = true;
      if(ArraySize(key) > ECP_HASH_BLOCK)
         m_ready = Sha256(key, short_key);
      else
         ArrayCopy(short_key, key);
      for(int i = 0; i < ECP_HASH_BLOCK; i++)
      {
         const uchar byte = i < ArraySize(short_key) ? short_key[i] : (uchar)0;
         m_inner[i] = (uchar)(byte ^ 0x36);
         m_outer[i] = (uchar)(byte ^ 0x5C);
      }
      return m_ready;
   }

   bool Sign(const uchar &data[], uchar &tag[]) const
   {
      uchar digest[];
      return m_ready && Hash(m_inner, data, digest) && Hash(m_outer, digest, tag);
   }

   // Looks at every byte, so that the time it takes tells nothing of the tag.
   bool Matches(const uchar &data[], const uchar &tag[]) const
   {
      uchar right[];
      if(!Sign(data, right) || ArraySize(tag) != ECP_HASH_SIZE)
         return false;
      uchar different = 0;
      for(int i = 0; i < ECP_HASH_SIZE; i++)
         different |= (uchar)(right[i] ^ tag[i]);
      return different == 0;
   }
};
