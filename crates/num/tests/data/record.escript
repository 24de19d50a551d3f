#!/usr/bin/env escript
%% Records the answers of a real Erlang/OTP 25 that the tests compare with. Run it in its own directory:
%%   escript record.escript
%% bigfloat_29.txt has the integers of bigfloat.txt whose floats OTP 29 gives otherwise; all else is the same there and in 27.
-mode(compile).

main(_) ->
    rand:seed(exsss, {1, 2, 3}),
    file:write_file("arith.txt", arith()),
    file:write_file("bigfloat.txt", bigfloat()),
    file:write_file("float.txt", floats()),
    file:write_file("float_options.txt", float_options()),
    file:write_file("float_parse.txt", float_parse()),
    file:write_file("text.txt", texts()),
    file:write_file("hash.txt", hashes()),
    file:write_file("checksum.txt", checksums()).

try_(F) ->
    try F() of X -> X catch error:R -> R end.

%% An integer of up to 64 * Limbs bits, with long runs of equal bits now and then.
int(Limbs) ->
    Bits = rand:uniform(64 * Limbs),
    N = case rand:uniform(4) of
            1 -> (1 bsl Bits) + rand:uniform(3) - 2;
            2 -> runs(Bits, 0);
            _ -> rand:uniform(1 bsl Bits)
        end,
    case rand:uniform(2) of 1 -> N; 2 -> -N end.

runs(Bits, N) when Bits =< 0 -> N;
runs(Bits, N) ->
    Len = rand:uniform(100),
    runs(Bits - Len, (N bsl Len) bor (((1 bsl Len) - 1) * (rand:uniform(2) - 1))).

arith() ->
    [begin
         Limbs = element(rand:uniform(6), {1, 1, 2, 3, 5, 12}),
         A = int(Limbs),
         B = case rand:uniform(8) of 1 -> A; 2 -> -A; 3 -> int(Limbs + 30); _ -> int(Limbs) end,
         S = rand:uniform(300) - 150,
         Rs = [A + B, A - B, A * B, try_(fun() -> A div B end), try_(fun() -> A rem B end),
               A band B, A bor B, A bxor B, bnot A, A bsl S, A bsr S],
         [[[integer_to_list(X, 16), $\s] || X <- [A, B]], integer_to_list(S),
          [[$\s, if is_integer(X) -> integer_to_list(X, 16); true -> atom_to_list(X) end] || X <- Rs], $\n]
     end || _ <- lists:seq(1, 800)].

bits(F) -> <<B:64>> = <<F/float>>, integer_to_list(B, 16).

order(A, B) when A < B -> "<";
order(A, B) when A > B -> ">";
order(_, _) -> "=".

%% integer, its float or the error; then float, its trunc, round, floor, ceil, and how the two compare
bigfloat() ->
    Edges = [(1 bsl N) + D || N <- [53, 54, 59, 60, 63, 64, 65, 100, 128, 1000, 1023, 1024], D <- [-2, -1, 0, 1, 2]]
        ++ [((1 bsl 53) + X) * (1 bsl S) + (1 bsl (S - 1)) + D || X <- [0, 1], S <- [12, 70, 500], D <- [-1, 0, 1]]
        ++ [((1 bsl 52) + X) * (1 bsl S) + (1 bsl (S - 1)) + D
            || X <- [0, 1], S <- [8, 12, 13, 30, 64, 70, 75, 76, 100, 500], D <- [-1, 0, 1, 1 bsl (S div 2), -(1 bsl (S div 2))]]
        ++ [(1 bsl 1024) - (1 bsl 970) + D || D <- [-1, 0, 1]],
    Ints = Edges ++ [-E || E <- Edges] ++ [int(element(rand:uniform(4), {1, 2, 3, 16})) || _ <- lists:seq(1, 600)],
    [begin
         F = case rand:uniform(3) of
                 1 -> any_float(rand:uniform(130));
                 _ -> try float(I + rand:uniform(3) - 2) catch _:_ -> 1.5e308 end
             end,
         G = case rand:uniform(3) of 1 -> F + 0.5; 2 -> F; 3 -> F * 1.0000000000000002 end,
         Float = case try_(fun() -> float(I) end) of badarg -> "badarg"; Fl -> bits(Fl) end,
         [integer_to_list(I, 16), $\s, Float, $\s, bits(G), $\s,
          [[integer_to_list(X, 16), $\s] || X <- [trunc(G), round(G), floor(G), ceil(G)]], order(I, G), $\n]
     end || I <- Ints].

%% A float of about that many bits before or after the point.
any_float(Exponent) ->
    F = (rand:uniform() + 1) * math:pow(2, Exponent * (rand:uniform(3) - 2)),
    case rand:uniform(2) of 1 -> F; 2 -> -F end.

bit_float() ->
    case <<(rand:uniform(1 bsl 64) - 1):64>> of <<F/float>> -> F; _ -> bit_float() end.

some_floats() ->
    [0.0, -0.0, 1.0, 0.1, 0.3, 2 / 3, 5.0e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740991.0,
     9007199254740992.0, 9007199254740994.0, 1.0e22, 1.0e23, 123456789.0]
        ++ [math:pow(10, N) || N <- lists:seq(-30, 30)]
        ++ [float(N) * math:pow(10, E) || N <- [12, 123, 1234, 99999, 1000001], E <- lists:seq(-12, 14)]
        ++ [bit_float() || _ <- lists:seq(1, 800)]
        ++ [any_float(rand:uniform(60)) || _ <- lists:seq(1, 800)]
        ++ [round(any_float(20) * 1000) / math:pow(10, rand:uniform(8)) || _ <- lists:seq(1, 500)]
        ++ [float(rand:uniform(1 bsl rand:uniform(62))) || _ <- lists:seq(1, 300)].

floats() ->
    [[bits(F), $\s, float_to_list(F, [short]), $\s, float_to_list(F), $\n] || F <- some_floats()].

float_options() ->
    Fs = some_floats() ++ [X + 0.5 || X <- [0.0, 1.0, 2.0, 3.0, 1.0e15]] ++ [0.125, 0.375, 1.005, 2.675, -0.4, 1.0e254],
    [begin
         D = case rand:uniform(3) of 1 -> rand:uniform(5) - 1; 2 -> rand:uniform(25) - 1; 3 -> rand:uniform(256) - 1 end,
         {K, O} = element(rand:uniform(3), {{"s", [{scientific, D}]}, {"d", [{decimals, D}]}, {"c", [{decimals, D}, compact]}}),
         [bits(F), $\s, K, $\s, integer_to_list(D), $\s, try float_to_list(F, O) catch _:_ -> "badarg" end, $\n]
     end || F <- Fs].

float_parse() ->
    Given = ["1.0", "+1.0", "-1.0", "1.", "1", ".5", "1e5", "1.0e5", "1.0E5", "1.0e+5", "1.0e-5", "1.0e", "1.0e+", "1.0e400",
             "1.0e-400", "-1.0e-400", " 1.0", "1.0 ", "1.0x", "1_0.0", "00001.5", "1.5e0005", "1,0", "1,5e3", "+-1.0", "inf",
             "nan", "1.0e99999999999", "1.0e-99999999999", "", "-", "0x1.0p3", "1.0e5.0", "1..0", "1.0f", "1.0e5x",
             "179769313486231580793.0e288", "1.7976931348623159e308", "1.7976931348623158e308", "0.0e999999", "4.9e-324",
             "2.0e-324", "-0.0", [$1, $., $0, 0], [$1, $., $0, 0, $x], [$1, $., 0, $5], [0],
             "123456789012345678901234567890.123456789012345678901234567890", lists:duplicate(400, $1) ++ ".0",
             "0." ++ lists:duplicate(400, $0) ++ "1"],
    Random = [begin
                  Digits = fun(Max) -> [rand:uniform(10) + $0 - 1 || _ <- lists:seq(1, rand:uniform(Max))] end,
                  Digits(25) ++ "." ++ Digits(25) ++
                      case rand:uniform(2) of 1 -> ""; 2 -> "e" ++ element(rand:uniform(3), {"", "+", "-"}) ++ Digits(3) end
              end || _ <- lists:seq(1, 700)],
    [[binary:encode_hex(<<$., (list_to_binary(T))/binary>>), $\s, try bits(list_to_float(T)) catch _:_ -> "badarg" end, $\n]
     || T <- Given ++ Random].

texts() ->
    [begin
         N = int(element(rand:uniform(5), {1, 2, 5, 33, 70})),
         Base = rand:uniform(35) + 1,
         [integer_to_list(N, 16), $\s, integer_to_list(Base), $\s, integer_to_list(N, Base), $\s, integer_to_list(N), $\n]
     end || _ <- lists:seq(1, 250)]
        ++ [[integer_to_list(N, 16), " 7 ", integer_to_list(N, 7), $\s, integer_to_list(N), $\n]
            || N <- [0, 1, -1, (1 bsl 64) - 1, -(1 bsl 63), 10000000000000000000, 99999999999999999999999999999999999999,
                     int(400), int(400)]].

hashes() ->
    Smalls = [S * ((1 bsl N) + D) || N <- [0, 7, 8, 26, 27, 28, 31, 32, 33, 58, 59, 60, 61, 62, 63, 64, 65, 127, 128],
                                     D <- [-2, -1, 0, 1, 2], S <- [1, -1]],
    Ints = [int(element(rand:uniform(4), {1, 2, 3, 9})) || _ <- lists:seq(1, 600)],
    Floats = [0.0, -0.0, 1.0, -1.5, 1.0e300] ++ [bit_float() || _ <- lists:seq(1, 150)],
    Bytes = fun(N) -> rand:bytes(N) end,
    Bins = [Bytes(N) || N <- lists:seq(0, 60)] ++ [Bytes(10000)],
    Bitstrings = [<<(Bytes(N))/bitstring, 45:B>> || N <- lists:seq(0, 26), B <- lists:seq(1, 7)],
    Atoms = ['', a, abc, 'hello world', 'å', 'åäö', 'ÿ', 'Ā', '日本', 'aå日', 'a\x{80}b', '\x{1F600}', undefined, true,
             list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 16#E9))]
        ++ [list_to_atom([rand:uniform(element(rand:uniform(3), {127, 255, 16#2000})) || _ <- lists:seq(1, rand:uniform(40))])
            || _ <- lists:seq(1, 150)],
    Pids = [binary_to_term(<<131, 88, 119, 3, "a@b", N:32, S:32, 1:32>>)
            || {N, S} <- [{1, 0}, {1, 1}, {32767, 0}, {32768, 0}, {16#fffffff, 3}, {16#1fffffff, 0}]],
    Ports = [binary_to_term(<<131, 120, 119, 3, "a@b", N:64, 1:32>>) || N <- [1, 7, 16#fffffff, 1 bsl 32, (1 bsl 40) + 5]],
    Refs = [binary_to_term(<<131, 90, (length(W)):16, 119, 3, "a@b", 1:32, << <<X:32>> || X <- W >>/binary>>)
            || W <- [[1], [16#3ffff, 2], [77, 88, 99], [5, 4, 3, 2, 1]]],
    Funs = [fun lists:map/2, fun erlang:'+'/2, local_fun([]), local_fun([1]), local_fun([a, [b, "cd"], {e}])],
    Leaves = list_to_tuple([[], {}, #{}] ++ Ints ++ Floats ++ Bins ++ Bitstrings ++ Atoms ++ Pids ++ Ports ++ Refs ++ Funs),
    Fixed = [[], {}, #{}, [[]], [{}], {[]}, [a | b], [1 | 2], [1, 2, 3 | a], [1, 2, 3, 4 | <<"x">>], "abc", "abcd", "abcde",
             [$a, b, $c], [$a, 256, $c], "åäö", [255, -1], [[], []], [[[1]], "ab", [300 | "tail"]], #{a => 1}, #{1 => #{}, 2 => []},
             #{#{} => #{a => b}}, {{}, {{}}, {1, {2, {3}}}}, maps:from_list([{I, I * I} || I <- lists:seq(1, 100)]),
             [#{a => "x"}, #{b => "y"} | #{c => z}], lists:seq(1, 1000), {0}, {0, 0}, [0], [0, 0], [0, 0, 0, 0, 0]],
    Nested = [nest(Leaves, 4) || _ <- lists:seq(1, 700)],
    [[binary:encode_hex(term_to_binary(T)), $\s, integer_to_list(erlang:phash2(T, 1 bsl 32), 16), $\s,
      integer_to_list(erlang:phash2(T)), $\s, integer_to_list(phash(T, 1 bsl 32)), $\s, integer_to_list(phash(T, 1009)), $\n]
     || T <- Fixed ++ Smalls ++ tuple_to_list(Leaves) ++ Nested].

%% The deprecated function, by a name that the compiler does not see.
phash(T, Range) -> apply(erlang, list_to_existing_atom("phash"), [T, Range]).

local_fun([]) -> fun() -> ok end;
local_fun([A]) -> fun() -> A end;
local_fun([A, B, C]) -> fun() -> {A, B, C} end.

nest(Leaves, 0) -> leaf(Leaves);
nest(Leaves, Depth) ->
    Some = fun() -> [nest(Leaves, Depth - 1) || _ <- lists:seq(1, rand:uniform(4) - 1)] end,
    case rand:uniform(7) of
        1 -> list_to_tuple(Some());
        2 -> Some();
        3 -> Some() ++ leaf(Leaves);
        4 -> maps:from_list([{nest(Leaves, Depth - 1), nest(Leaves, Depth - 1)} || _ <- lists:seq(1, rand:uniform(5) - 1)]);
        5 -> [rand:uniform(300) - 10 || _ <- lists:seq(1, rand:uniform(12))] ++ Some();
        _ -> leaf(Leaves)
    end.

leaf(Leaves) -> element(rand:uniform(tuple_size(Leaves)), Leaves).

checksums() ->
    [begin
         A = rand:bytes(rand:uniform(300) - 1), B = rand:bytes(rand:uniform(300)),
         [$., binary:encode_hex(A), " .", binary:encode_hex(B), $\s,
          [[integer_to_list(X), $\s] || X <- [erlang:crc32(A), erlang:crc32(erlang:crc32(A), B),
                                              erlang:crc32_combine(erlang:crc32(A), erlang:crc32(B), byte_size(B)),
                                              erlang:adler32(A), erlang:adler32(erlang:adler32(A), B),
                                              erlang:adler32_combine(erlang:adler32(A), erlang:adler32(B), byte_size(B))]],
          binary:encode_hex(erlang:md5(A)), $\n]
     end || _ <- lists:seq(1, 30)].
