// The built-in functions, one section at a time; one value a line, since a call may evaluate its arguments in any order.
input string InpSection = "";

string Listed(const int &values[])
{
   string all = "";
   for(int i = 0; i < ArraySize(values); i++)
      all += (i > 0 ? "," : "") + (string)values[i];
   return all;
}

string Hex(const uchar &bytes[])
{
   string all = "";
   for(int i = 0; i < ArraySize(bytes); i++)
      all += StringFormat("%02x", bytes[i]);
   return all;
}

void Arrays()
{
   int a[], b[] = {1, 2, 3, 4, 5}, fixed[3];
   Print(ArrayResize(a, 2, 10));
   Print(ArraySize(a));
   Print(ArrayResize(fixed, 4));
   Print(GetLastError());
   a[0] = 8;
   a[1] = 9;
   Print(ArrayCopy(a, b, 1, 2));
   Print(Listed(a));
   Print(ArrayCopy(b, b, 1, 0, 3));
   Print(Listed(b));
   Print(ArrayCopy(fixed, a));
   Print(Listed(fixed));
   Print(ArrayRemove(a, 1, 2));
   Print(Listed(a));
   Print(ArrayInsert(a, b, 1, 0, 2));
   Print(Listed(a));
   ArrayFill(a, 0, 2, 6);
   ArraySort(a);
   Print(Listed(a));
   Print(ArrayMaximum(a));
   Print(ArrayMinimum(a));
   Print(ArrayBsearch(a, 6));
   Print(ArrayCompare(a, b));
   Print(ArrayIsDynamic(a));
   Print(ArrayIsDynamic(fixed));
   ArrayReverse(a);
   ArrayInitialize(fixed, -1);
   ArrayFree(b);
   Print(Listed(a));
   Print(Listed(fixed));
   Print(ArraySize(b));
   uchar rubbish[];
   ArrayResize(rubbish, 1);
   Print("undefined ", rubbish[0] != 0);
}

void Strings()
{
   Print(StringFormat("%d|%5d|%-5d|%05d|%+d|%u|%x|%X", 42, 42, 42, 42, 42, 42, 255, 255));
   Print(StringFormat("%I64d|%I64u|%d|%lld", 5000000000, ULONG_MAX, 5000000000, LONG_MIN));
   Print(StringFormat("%.2f|%8.3f|%g|%G|%e|%s|%10s|%-4s|%c|%%", 1.005, 3.14159, 0.0001, 1e20, 12345.678, "s", "right", "l", 'x'));
   Print(StringFormat("%.*f %s", 1, 2.55, NULL));
   Print(StringLen("añ€"));
   Print(StringFind("hello", "l"));
   Print(StringFind("hello", "l", 3));
   Print(StringFind("hello", "z"));
   Print(StringSubstr("hello", 1, 3));
   Print(StringSubstr("hello", 3));
   string text = "  a-b-c ";
   Print(StringReplace(text, "-", "+"));
   Print(StringTrimLeft(text));
   Print(StringTrimRight(text));
   Print(" [");
   Print(text);
   Print("]");
   string parts[];
   Print(StringSplit("x;;z", ';', parts));
   Print(parts[0]);
   Print(parts[1]);
   Print(parts[2]);
   string upper = "abc";
   StringToUpper(upper);
   Print(upper);
   Print(StringGetCharacter(upper, 1));
   Print(StringToInteger("12x"));
   Print(StringToDouble("1.5e2"));
   Print(IntegerToString(7, 3, '0'));
   Print(DoubleToString(1.0 / 3, 4));
   uchar bytes[];
   Print(StringToCharArray("añ€😀", bytes, 0, WHOLE_ARRAY, CP_UTF8));
   Print(Hex(bytes));
   Print(CharArrayToString(bytes, 0, WHOLE_ARRAY, CP_UTF8) == "añ€😀");
   uchar broken[] = {'a', 0xFF, 'b', 0xE2, 0x82};
   Print(CharArrayToString(broken, 0, WHOLE_ARRAY, CP_UTF8));
   Print(StringLen(CharArrayToString(broken, 0, 1)));
   Print(1.0);
   Print(0.1);
   Print(1e-8);
   Print(1.07219);
   Print(100000.0 / 3);
   Print(DBL_MAX);
   Print(StringCompare("a", "b"));
   Print("a" < "b");
}

void Numbers()
{
   Print(MathMax(1, 2.5), " ", MathMin((long)7, 3), " ", MathAbs(-4), " ", MathRound(-2.5), " ", MathFloor(-1.1), " ", MathPow(2, 10), " ", NormalizeDouble(1.234567, 3));
   const double nan = MathSqrt(-1.0);
   Print(MathIsValidNumber(nan), MathIsValidNumber(1.0), " ", INT_MAX, " ", LONG_MAX, " ", LONG_MIN, " ", ULONG_MAX);
   MqlDateTime parts;
   TimeToStruct(D'2024.02.29 12:34:56', parts);
   Print(parts.year, "-", parts.mon, "-", parts.day, " ", parts.hour, " ", parts.day_of_week, " ", parts.day_of_year, " ", StructToTime(parts) == D'2024.02.29 12:34:56');
   Print(TimeToString(D'2024.02.29 12:34:56'));
   Print(TimeToString(D'2024.02.29', TIME_DATE));
   Print(TimeToString(3661, TIME_SECONDS));
   Print((long)StringToTime("1970.01.02 00:00"));
   const ulong before = GetMicrosecondCount();
   Sleep(20);
   const ulong passed = GetMicrosecondCount() - before;
   Print("slept ", passed >= 20000, " ", passed < 2000000);
   GlobalVariableSet("v", 2.5);
   Print(GlobalVariableGet("v"));
   Print(GlobalVariableCheck("w"));
   Print(GlobalVariableDel("v"));
   Print(GlobalVariableCheck("v"));
}

void Files()
{
   uchar bytes[] = {1, 2, 3, 4};
   uchar back[];
   FolderCreate("state");
   int file = FileOpen("state\\a.bin", FILE_WRITE | FILE_BIN);
   Print(file != INVALID_HANDLE);
   Print(FileWriteArray(file, bytes));
   Print(FileWriteArray(file, bytes, 1, 2));
   Print(FileSize(file));
   ResetLastError();
   Print("while open: ");
   Print(FileMove("state\\a.bin", 0, "b.bin", FILE_REWRITE));
   Print(GetLastError());
   FileClose(file);
   Print("closed: ");
   Print(FileWriteArray(file, bytes));
   Print(GetLastError());
   file = FileOpen("state/a.bin", FILE_READ | FILE_BIN);
   Print(FileReadArray(file, back));
   Print(Hex(back));
   Print(FileIsEnding(file));
   Print(FileReadArray(file, back));
   Print(FileWriteArray(file, bytes));
   Print(GetLastError());
   FileClose(file);
   Print(FileMove("state/a.bin", 0, "b.bin", 0));
   Print(FileIsExist("state/a.bin"));
   Print(FileIsExist("b.bin"));
   file = FileOpen("c.bin", FILE_WRITE | FILE_BIN);
   FileClose(file);
   ResetLastError();
   Print(FileMove("b.bin", 0, "c.bin", 0));
   Print(GetLastError());
   Print(FileMove("b.bin", 0, "c.bin", FILE_REWRITE));
   Print(FileIsExist("b.bin"));
   Print(FileIsExist("c.bin"));
   Print(FileDelete("c.bin"));
   Print(FileDelete("c.bin"));
   Print(GetLastError());
   ResetLastError();
   Print(FileOpen("missing", FILE_READ | FILE_BIN));
   Print(GetLastError());
   Print(FileOpen("../out", FILE_WRITE | FILE_BIN));
   Print(GetLastError());
   Print(FileOpen("/etc/passwd", FILE_READ | FILE_BIN));
   Print(FileOpen("state", FILE_READ | FILE_BIN));
   Print(GetLastError());
   file = FileOpen("t.txt", FILE_WRITE | FILE_TXT | FILE_ANSI, 0, CP_UTF8);
   FileWrite(file, "first ", 1);
   FileWriteString(file, "zweite ü\r\n\r\nlast");
   FileClose(file);
   file = FileOpen("t.txt", FILE_READ | FILE_TXT | FILE_ANSI, 0, CP_UTF8);
   while(!FileIsEnding(file))
      Print("line [", FileReadString(file), "]");
   FileClose(file);
   file = FileOpen("u.csv", FILE_WRITE | FILE_CSV | FILE_COMMON, ';');
   FileWrite(file, "a", 2.5, true);
   FileClose(file);
   file = FileOpen("u.csv", FILE_READ | FILE_CSV | FILE_COMMON, ';');
   Print(FileReadString(file));
   Print(FileReadNumber(file));
   Print(FileReadString(file));
   Print(FileIsExist("u.csv"));
   Print(FileIsExist("u.csv", FILE_COMMON));
   FileClose(file);
}

void Crypto()
{
   uchar none[], data[], digest[];
   StringToCharArray("abc", data, 0, 3);
   Print(CryptEncode(CRYPT_HASH_SHA256, data, none, digest));
   Print(Hex(digest));
   Print(CryptEncode(CRYPT_HASH_SHA256, none, none, digest));
   Print(Hex(digest));
   Print(CryptEncode(CRYPT_HASH_MD5, data, none, digest));
   Print(Hex(digest));
   Print(CryptEncode(CRYPT_HASH_SHA1, data, none, digest));
   Print(Hex(digest));
   CryptEncode(CRYPT_BASE64, data, none, digest);
   uchar back[];
   Print(CharArrayToString(digest));
   Print(CryptDecode(CRYPT_BASE64, digest, none, back));
   Print(Hex(back));
}

void OnStart()
{
   if(InpSection == "arrays")
      Arrays();
   if(InpSection == "strings")
      Strings();
   if(InpSection == "numbers")
      Numbers();
   if(InpSection == "files")
      Files();
   if(InpSection == "crypto")
      Crypto();
}
