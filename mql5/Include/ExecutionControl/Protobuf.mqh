// The protobuf wire format, as far as gateway/ecp.proto uses it: varints and what is length-delimited.

#define ECP_WIRE_VARINT 0
#define ECP_WIRE_FIXED64 1
#define ECP_WIRE_BYTES 2
#define ECP_WIRE_FIXED32 5

// Appends fields. What is zero or empty is left out, as proto3 has it; bytes come out as Google's serializers write them.
class CProtoWriter
{
private:
   uchar m_data[];
   int m_size;

   void Grow(const int by)
   {
      if(ArraySize(m_data) < m_size + by)
         ArrayResize(m_data, m_size + by, m_size + by);
   }

   void Append(const uchar &bytes[], const int count)
   {
      if(count <= 0)
         return;
      Grow(count);
      ArrayCopy(m_data, bytes, m_size, 0, count);
      m_size += count;
   }

public:
   CProtoWriter(void) : m_size(0) {}

   int Size(void) const { return m_size; }

   void Clear(void) { m_size = 0; }

   void Varint(ulong value)
   {
      Grow(10);
      while(value >= 0x80)
      {
         m_data[m_size++] = (uchar)((value & 0x7F) | 0x80);
         value >>= 7;
      }
      m_data[m_size++] = (uchar)value;
   }

   void Ulong(const int field, const ulong value)
   {
      if(value == 0)
         return;
      Varint((ulong)(field << 3));
      Varint(value);
   }

   void Long(const int field, const long value) { Ulong(field, (ulong)value); }

   void Bytes(const int field, const uchar &bytes[])
   {
      const int count = ArraySize(bytes);
      if(count == 0)
         return;
      Varint((ulong)(field << 3 | ECP_WIRE_BYTES));
      Varint((ulong)count);
      Append(bytes, count);
   }

   void Text(const int field, const string text)
   {
      if(StringLen(text) == 0)
         return;
      uchar bytes[];
      // The count includes the zero that ends the string.
      const int count = StringToCharArray(text, bytes, 0, WHOLE_ARRAY, CP_UTF8) - 1;
      if(count <= 0)
         return;
      Varint((ulong)(field << 3 | ECP_WIRE_BYTES));
      Varint((ulong)count);
      Append(bytes, count);
   }

   // A message is written even when it is empty: that it is there says something.
   void Message(const int field, const CProtoWriter &inner)
   {
      Varint((ulong)(field << 3 | ECP_WIRE_BYTES));
      Varint((ulong)inner.m_size);
      Append(inner.m_data, inner.m_size);
   }

   void CopyTo(uchar &bytes[]) const
   {
      ArrayResize(bytes, m_size);
      if(m_size > 0)
         ArrayCopy(bytes, m_data, 0, 0, m_size);
   }
};

// Reads the fields of one message out of data[from, from + length). A class of MQL5 cannot hold a reference to an array,
// so the same array goes into each call; nothing is copied. The first fault ends the reading, for good.
class CProtoReader
{
private:
   int m_at;
   int m_end;
   bool m_failed;
   int m_field;
   int m_wire;
   ulong m_value;
   int m_from;
   int m_length;

   bool Fail(void)
   {
      m_failed = true;
      m_at = m_end;
      return false;
   }

   bool Varint(const uchar &data[], ulong &value)
   {
      value = 0;
      for(int i = 0; i < 10; i++)
      {
         if(m_at >= m_end)
            return Fail();
         const uchar next = data[m_at++];
         // The tenth byte has room for one bit.
         if(i == 9 && next > 1)
            return Fail();
         value |= (ulong)(next & 0x7F) << (7 * i);
         if(next < 0x80)
            return true;
      }
      return Fail();
   }

   bool Skip(const int bytes)
   {
      if(bytes > m_end - m_at)
         return Fail();
      m_at += bytes;
      return true;
   }

   bool Is(const int wire) { return m_wire == wire ? true : Fail(); }

public:
   CProtoReader(void) : m_at(0), m_end(0), m_failed(false), m_field(0), m_wire(0), m_value(0), m_from(0), m_length(0) {}

   void Open(const uchar &data[], const int from, const int length)
   {
      m_at = from;
      m_end = from + length;
      m_failed = from < 0 || length < 0 || length > ArraySize(data) - from;
      if(m_failed)
         m_end = m_at;
   }

   // Reads what the field that outer stands on contains.
   void Enter(const uchar &data[], CProtoReader &outer)
   {
      if(outer.Is(ECP_WIRE_BYTES))
         Open(data, outer.m_from, outer.m_length);
      else
         Fail();
   }

   // The next field, false at the end or at a fault.
   bool Next(const uchar &data[])
   {
      if(m_failed || m_at >= m_end)
         return false;
      ulong tag = 0;
      if(!Varint(data, tag))
         return false;
      if(tag > 0xFFFFFFFF || (tag >> 3) == 0)
         return Fail();
      m_field = (int)(tag >> 3);
      m_wire = (int)(tag & 7);
      m_value = 0;
      switch(m_wire)
      {
      case ECP_WIRE_VARINT:
         return Varint(data, m_value);
      case ECP_WIRE_FIXED64:
         return Skip(8);
      case ECP_WIRE_FIXED32:
         return Skip(4);
      case ECP_WIRE_BYTES:
      {
         ulong length = 0;
         if(!Varint(data, length))
            return false;
         if(length > (ulong)(m_end - m_at))
            return Fail();
         m_from = m_at;
         m_length = (int)length;
         return Skip(m_length);
      }
      }
      return Fail();
   }

   // What was read is not what it should be: a fault as well.
   void Reject(void) { Fail(); }

   bool Failed(void) const { return m_failed; }
   int Field(void) const { return m_field; }
   int From(void) const { return m_from; }
   int Length(void) const { return m_length; }

   // What the field holds. A field of another wire type is a fault.
   ulong Ulong(void) { return Is(ECP_WIRE_VARINT) ? m_value : 0; }
   long Long(void) { return (long)Ulong(); }
   bool Bool(void) { return Ulong() != 0; }

   uint Uint(void)
   {
      const ulong value = Ulong();
      if(value > 0xFFFFFFFF)
         Fail();
      return (uint)value;
   }

   int Enum(void)
   {
      const ulong value = Ulong();
      if(value > 0x7FFFFFFF)
      {
         Fail();
         return 0;
      }
      return (int)value;
   }

   string Text(const uchar &data[])
   {
      if(!Is(ECP_WIRE_BYTES) || m_length == 0)
         return "";
      // A zero would end the string early, and another text would be read than was written.
      for(int i = m_from; i < m_from + m_length; i++)
         if(data[i] == 0)
         {
            Fail();
            return "";
         }
      return CharArrayToString(data, m_from, m_length, CP_UTF8);
   }

   void Bytes(const uchar &data[], uchar &bytes[])
   {
      if(!Is(ECP_WIRE_BYTES))
         return;
      ArrayResize(bytes, m_length);
      if(m_length > 0)
         ArrayCopy(bytes, data, 0, m_from, m_length);
   }

   // Appends what a repeated number has here: one value, or a packed run of them.
   void Ulongs(const uchar &data[], ulong &values[])
   {
      if(m_wire == ECP_WIRE_VARINT)
      {
         const int one = ArraySize(values);
         ArrayResize(values, one + 1, 64);
         values[one] = m_value;
         return;
      }
      if(!Is(ECP_WIRE_BYTES))
         return;
      CProtoReader run;
      run.Open(data, m_from, m_length);
      int count = ArraySize(values);
      // Every value takes a byte at least.
      ArrayResize(values, count + m_length);
      ulong value = 0;
      while(run.m_at < run.m_end && run.Varint(data, value))
         values[count++] = value;
      ArrayResize(values, count);
      if(run.m_failed)
         Fail();
   }

   void Enums(const uchar &data[], int &values[])
   {
      ulong read[];
      Ulongs(data, read);
      const int before = ArraySize(values);
      ArrayResize(values, before + ArraySize(read));
      for(int i = 0; i < ArraySize(read); i++)
      {
         if(read[i] > 0x7FFFFFFF)
            Fail();
         values[before + i] = (int)(read[i] & 0x7FFFFFFF);
      }
   }
};
