%% Making binaries and bit strings with every type, size, unit and sign.
-module(bits_build).
-export([main/0, id/1]).
t(F) -> try F() catch C:R -> {C, R} end.
id(X) -> X.
main() ->
    B = <<1, 2, 3, 4, 5>>, N = id(3),
    [<<>>, <<1, 256, -1>>, <<1:16, 1:16/little, -2:32/signed>>, <<5:3>>, <<5:3, 1:1, 2:4>>, <<1.5/float>>, <<1.5:32/float>>, <<1.5:16/float>>, <<-2.25:64/float-little>>, <<3:64/float>>,
     <<B/binary>>, <<B:2/binary>>, <<0:3, B/bitstring>>, <<(id(<<1:3>>))/bitstring, B/binary>>, <<"abc">>, <<"åä"/utf8>>, <<"åä"/utf16>>, <<16#10000/utf16-little>>, <<16#20AC/utf32>>,
     <<(1 bsl 100):128>>, <<(1 bsl 100):128/little>>, <<(-(1 bsl 100)):128>>, <<12345678901234567890123:64>>, <<1:N>>, <<1:N/unit:8>>, <<7:(N * 5)>>, << <<X:4>> || X <- [1, 2, 3] >>,
     << <<(X * 2)>> || <<X>> <= B >>, << <<X:3>> || X <- lists:seq(0, 7) >>, [X || <<X:5>> <= B],
     t(fun() -> <<(id(a))>> end), t(fun() -> <<1:(id(-1))>> end), t(fun() -> <<(id(<<1:3>>))/binary>> end), t(fun() -> <<(id(1.0))>> end), t(fun() -> <<(id(a))/float>> end),
     t(fun() -> <<B:(id(9))/binary>> end), t(fun() -> <<(id(16#D800))/utf8>> end), t(fun() -> <<(id(-1))/utf8>> end), t(fun() -> <<(id(16#110000))/utf32>> end), t(fun() -> <<1:(id(a))>> end)].
