// What an expert advisor must know again after the terminal was killed: bytes in a file that are all there or not there.

#include "Hmac.mqh"

enum ENUM_STATE_FOUND
{
   STATE_FOUND,   // the newest that was saved
   STATE_MISSING, // never saved, or deleted
   STATE_CORRUPT  // there are files, and none of them is whole
};

#define STATE_HEAD 16
#define STATE_MARK 0x31504345 // "ECP1"
#define STATE_LIMIT 67108864

// Three files: the state, the one before it, and the one being written. Each is whole or not by its checksum, and says
// how manyth it is; the newest whole one counts. So a kill between any two steps of Save loses nothing that Save had
// returned for, however the terminal renames files.
class CStateFile
{
private:
   string m_name;
   ulong m_generation;

   string Written(void) const { return m_name + ".new"; }
   string Previous(void) const { return m_name + ".old"; }

   static void PutNumber(uchar &bytes[], const int at, ulong value, const int width)
   {
      for(int i = 0; i < width; i++)
      {
         bytes[at + i] = (uchar)(value & 0xFF);
         value >>= 8;
      }
   }

   static ulong Number(const uchar &bytes[], const int at, const int width)
   {
      ulong value = 0;
      for(int i = width - 1; i >= 0; i--)
         value = value << 8 | bytes[at + i];
      return value;
   }

   static bool ReadAll(const string name, uchar &bytes[])
   {
      const int file = FileOpen(name, FILE_READ | FILE_BIN);
      if(file == INVALID_HANDLE)
         return false;
      const ulong size = FileSize(file);
      bool is_read = size > 0 && size <= STATE_LIMIT;
      if(is_read)
      {
         ArrayResize(bytes, (int)size);
         is_read = FileReadArray(file, bytes, 0, (int)size) == (uint)size;
      }
      FileClose(file);
      return is_read;
   }

   // The content of a whole file, and how manyth it is; false if it is not whole.
   static bool ReadWhole(const string name, uchar &payload[], ulong &generation)
   {
      uchar bytes[];
      if(!ReadAll(name, bytes))
         return false;
      const int length = ArraySize(bytes) - STATE_HEAD - ECP_HASH_SIZE;
      if(length < 0 || Number(bytes, 0, 4) != STATE_MARK || Number(bytes, 12, 4) != (ulong)length)
         return false;
      uchar covered[];
      uchar digest[];
      ArrayCopy(covered, bytes, 0, 0, STATE_HEAD + length);
      if(!Sha256(covered, digest))
         return false;
      for(int i = 0; i < ECP_HASH_SIZE; i++)
         if(digest[i] != bytes[STATE_HEAD + length + i])
            return false;
      generation = Number(bytes, 4, 8);
      ArrayResize(payload, length);
      if(length > 0)
         ArrayCopy(payload, bytes, 0, STATE_HEAD, length);
      return true;
   }

   bool Write(const uchar &bytes[]) const
   {
      const int file = FileOpen(Written(), FILE_WRITE | FILE_BIN);
      if(file == INVALID_HANDLE)
         return false;
      const bool is_written = FileWriteArray(file, bytes, 0, ArraySize(bytes)) == (uint)ArraySize(bytes);
      FileFlush(file);
      FileClose(file);
      return is_written;
   }

   bool Promote(void) const
   {
      if(FileIsExist(m_name) && !FileMove(m_name, 0, Previous(), FILE_REWRITE))
         return false;
      return FileMove(Written(), 0, m_name, FILE_REWRITE);
   }

public:
   // name: within the terminal's folder MQL5/Files; one for each expert advisor.
   CStateFile(const string name) : m_name(name), m_generation(0) {}

   string Name(void) const { return m_name; }
   ulong Generation(void) const { return m_generation; }

   ENUM_STATE_FOUND Load(uchar &payload[])
   {
      string names[3];
      names[0] = m_name;
      names[1] = Written();
      names[2] = Previous();
      int newest = -1;
      bool is_any = false;
      ArrayResize(payload, 0);
      m_generation = 0;
      for(int i = 0; i < 3; i++)
      {
         uchar found[];
         ulong generation = 0;
         if(!FileIsExist(names[i]))
            continue;
         is_any = true;
         if(!ReadWhole(names[i], found, generation) || (newest >= 0 && generation <= m_generation))
            continue;
         newest = i;
         m_generation = generation;
         ArrayFree(payload);
         ArrayCopy(payload, found);
      }
      if(newest < 0)
         return is_any ? STATE_CORRUPT : STATE_MISSING;
      // The next Save begins by writing over that file, which must not be the only copy of the newest state then.
      if(newest == 1)
         Promote();
      return STATE_FOUND;
   }

   // false: it could not be written, and what was saved before is still what Load finds.
   bool Save(const uchar &payload[])
   {
      const int length = ArraySize(payload);
      uchar bytes[];
      uchar digest[];
      ArrayResize(bytes, STATE_HEAD + length);
      PutNumber(bytes, 0, STATE_MARK, 4);
      PutNumber(bytes, 4, m_generation + 1, 8);
      PutNumber(bytes, 12, (ulong)length, 4);
      if(length > 0)
         ArrayCopy(bytes, payload, STATE_HEAD, 0, length);
      if(!Sha256(bytes, digest))
         return false;
      ArrayCopy(bytes, digest, STATE_HEAD + length, 0, ECP_HASH_SIZE);
      if(!Write(bytes) || !Promote())
         return false;
      m_generation++;
      return true;
   }
};
