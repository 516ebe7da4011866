// Included twice, and there once.

enum EColour
{
   COLOUR_RED,
   COLOUR_GREEN = 4,
   COLOUR_BLUE
};

class CShape
{
public:
   static int s_alive;
   CShape(void) { s_alive++; }
   ~CShape(void) { s_alive--; }
   virtual double Area(void) const = 0;
   virtual int Sides(void) const { return 0; }
};
int CShape::s_alive = 0;

class CSquare : public CShape
{
public:
   int m_side;

   CSquare(const int side) : m_side(side) {}
   virtual double Area(void) const { return m_side * m_side; }
   virtual int Sides(void) const { return 4; }
   CSquare *Self(void) { return GetPointer(this); }
   static string Name(void);
};

string CSquare::Name(void)
{
   return __FUNCTION__;
}

class CCircle : public CShape
{
public:
   virtual double Area(void) const { return 0.25; }
};

void Grow(CSquare &square)
{
   square.m_side++;
}
