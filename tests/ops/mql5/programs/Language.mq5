// What differs between MQL5 and C++, one section at a time.
#property strict
#property version "1.00"
#include "Include/Shapes.mqh"
#include "Include/Shapes.mqh"

#define LIMIT 3
#define TWICE(x) ((x)+(x))
#define GREETING "hello, " "world"

input group "Everything that can be set"
input string InpSection = "";    // which
input int    InpCount = 5;       // a number
input double InpRatio = 0.5;
input bool   InpFlag = false;
input ENUM_ORDER_TYPE InpType = ORDER_TYPE_BUY;
input EColour InpColour = COLOUR_GREEN;
input datetime InpFrom = D'2024.02.29';
sinput ulong InpMagic = 7;

enum ESparse { SPARSE_LOW = -2, SPARSE_HIGH = 100000, SPARSE_SAME = 100000 };

interface IGreeter
{
   string Greet(const string name);
   int Count(void);
};

class CGreeter : public IGreeter
{
private:
   int m_count;

public:
   CGreeter(void) : m_count(0) {}
   string Greet(const string name) { m_count++; return "hi " + name; }
   int Count(void) { return m_count; }
};

struct SInner
{
   string name;
   int numbers[];
   double pair[2];
};

struct SOuter
{
   SInner inner;
   SInner more[];
   long id;
};

template<typename T>
class CList
{
private:
   T m_items[];

public:
   void Add(const T &item)
   {
      const int size = ArraySize(m_items);
      ArrayResize(m_items, size + 1, 16);
      m_items[size] = item;
   }
   int Size(void) const { return ArraySize(m_items); }
   T At(const int at) const { return m_items[at]; }
};

template<typename T>
T Largest(const T &values[])
{
   T found = values[0];
   for(int i = 1; i < ArraySize(values); i++)
      found = MathMax(found, values[i]);
   return found;
}

const uint TABLE[] = {0x428a2f98, 0x71374491, 3};
static const string NAMES[LIMIT] = {"one", "two", "three"};
int g_calls[2][3] = {{1, 2, 3}, {4, 5, 6}};
CGreeter g_greeter;

void Pointers()
{
   CShape *shapes[];
   ArrayResize(shapes, 2);
   shapes[0] = new CSquare(3);
   shapes[1] = new CCircle;
   double sum = 0;
   for(int i = 0; i < ArraySize(shapes); i++)
      sum += shapes[i].Area();
   Print("areas ", sum, ", sides ", shapes[0].Sides(), ", alive ", CShape::s_alive);
   CSquare *square = dynamic_cast<CSquare *>(shapes[0]);
   CSquare *none = dynamic_cast<CSquare *>(shapes[1]);
   Print("square ", square.m_side, ", none ", none == NULL, ", ", CheckPointer(none) == POINTER_INVALID);
   CSquare local(2);
   CShape *p = GetPointer(local), *q = NULL;
   Print("automatic ", CheckPointer(p) == POINTER_AUTOMATIC, ", dynamic ", CheckPointer(square) == POINTER_DYNAMIC);
   Grow(square);
   Grow(local);
   Print("grown ", square.m_side, " ", local.m_side, ", chained ", local.Self().Self().Area(), ", same ", p == local.Self());
   if(!q)
      q = p;
   Print("through the base ", q.Area());
   for(int i = 0; i < ArraySize(shapes); i++)
      delete shapes[i];
   Print("deleted ", CheckPointer(square) == POINTER_INVALID, ", alive ", CShape::s_alive);
   IGreeter *greeter = GetPointer(g_greeter);
   const string greeting = greeter.Greet("Ada");
   Print(greeting, " ", greeter.Count());
}

void Structures()
{
   SOuter one;
   ZeroMemory(one);
   one.inner.name = "n";
   ArrayResize(one.more, 2);
   one.more[1].pair[1] = 2.5;
   ArrayResize(one.more[1].numbers, 3);
   ArrayInitialize(one.more[1].numbers, 7);
   SOuter two = one;
   two.more[1].numbers[2] = 9;
   Print(one.more[1].numbers[2], " ", two.more[1].numbers[2], " ", two.more[1].pair[1], " ", ArraySize(two.more));
   MqlTradeRequest request = {};
   request.action = TRADE_ACTION_DEAL;
   request.symbol = "EURUSD";
   Print(request.symbol, " ", request.volume, " ", EnumToString(request.action));
   MqlTick tick;
   ZeroMemory(tick);
   Print(tick.bid, " ", tick.time_msc);
}

void Types()
{
   const long big = 5000000000;
   const uchar byte = (uchar)300;
   const ushort letter = 'A';
   const datetime moment = D'2024.01.02 03:04:05';
   const color red = C'255,0,0';
   Print(big, " ", byte, " ", letter, " ", moment, " ", (long)moment, " ", (uint)red, " ", (uint)clrRed);
   Print((string)1.5, " ", (string)true, " ", (string)big, " ", (int)3.99, " ", (int)-3.99, " ", sizeof(long), sizeof(int), sizeof(ushort));
   Print(1 << 31, " ", (ulong)1 << 63, " ", 7 / 2, " ", -7 % 3, " ", 0xFF ^ 0x0F, " ", ~0);
   string never;
   string empty = "";
   Print(never == NULL, empty == NULL, never == "", empty == "", StringLen(never));
   int register = 1, signed = 2, and = 3;
   Print(register + signed + and);
   Print(EnumToString(SPARSE_LOW), " ", EnumToString(SPARSE_SAME), " ", EnumToString((ESparse)5), " ", EnumToString(POSITION_TYPE_SELL), " ", (int)SPARSE_HIGH);
}

void Functions()
{
   Print(Later(2), " ", Later(2, 5), " ", TWICE(LIMIT), " ", GREETING, " ", __FUNCTION__, " ", CSquare::Name(), " ", __FILE__);
   int many[] = {4, 9, 2};
   double reals[2] = {1.5, 0.5};
   Print(Largest(many), " ", Largest(reals), " ", TABLE[1], " ", NAMES[2], " ", g_calls[1][2]);
   CList<string> list;
   list.Add("a");
   list.Add("b");
   CList<CShape *> shapes;
   shapes.Add(new CSquare(4));
   Print(list.Size(), list.At(1), " ", shapes.At(0).Area());
   delete shapes.At(0);
   switch(InpCount)
   {
      case 5:
         Print("five");
         break;
      default:
         Print("other");
   }
   uint a[], b[2], c = 3;
   ArrayResize(a, 1);
   a[0] = c;
   b[1] = a[0];
   Print(b[0], b[1], " ", ::MathAbs(-2));
#ifdef __MQL5__
   Print("MQL5");
#else
   Print("something else");
#endif
}

int Later(const int x, const int y = 10) { return x + y; }

void Leak()
{
   CShape *left = new CSquare(1);
   CShape *freed = new CSquare(2);
   Print(left.Area());
   delete freed;
}

void OnStart()
{
   if(InpSection == "pointers")
      Pointers();
   else if(InpSection == "structures")
      Structures();
   else if(InpSection == "types")
      Types();
   else if(InpSection == "functions")
      Functions();
   else if(InpSection == "inputs")
      Print(InpCount, " ", InpRatio, " ", InpFlag, " ", EnumToString(InpType), " ", EnumToString(InpColour), " ", InpFrom, " ", InpMagic);
   else if(InpSection == "bounds")
   {
      int few[3];
      int at = 3;
      few[at] = 1;
   }
   else if(InpSection == "leaks")
      Leak();
   else if(InpSection == "null")
   {
      CShape *nothing = NULL;
      Print(nothing.Area());
   }
}
