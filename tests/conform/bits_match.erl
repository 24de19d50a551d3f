%% Matching binaries and bit strings.
-module(bits_match).
-export([main/0]).
p(<<>>) -> empty;
p(<<1, R/binary>>) -> {one, R};
p(<<A:4, B:4, R/bits>> = W) when A > 8 -> {A, B, R, W};
p(<<L:16, D:L/binary, R/binary>>) -> {len, D, R};
p(<<X:3, R/bits>>) -> {three, X, R};
p(Y) -> {other, Y}.
u(<<C/utf8, R/binary>>) -> [C | u(R)];
u(<<C, R/binary>>) -> [{byte, C} | u(R)];
u(<<>>) -> [].
main() ->
    [[p(X) || X <- [<<>>, <<1>>, <<1, 2>>, <<16#95, 7>>, <<0, 2, "abc">>, <<0, 9, "abc">>, <<5:3>>, <<2:2>>, <<0:1>>, atom, <<16#FF:7>>]],
     u(<<"aåß"/utf8, 255, "€𐍈"/utf8, 16#C0, 16#80, 16#ED, 16#A0, 16#80>>),
     begin <<A:8/signed, B:16/little, C:12, D/bits>> = <<-1:8, 1:16/little, 5:12, 3:4, 9>>, {A, B, C, D} end,
     begin <<F:64/float, G:32/float-little, H:16/float>> = <<1.5:64/float, -2.5:32/float-little, 0.5:16/float>>, {F, G, H} end,
     begin <<X:100, Y:28/signed>> = <<(1 bsl 99):100, -5:28>>, {X, Y} end,
     begin <<X2:128/little-signed>> = <<-(1 bsl 90):128/little>>, X2 end,
     begin N = 4, <<P:N/binary, Q:(N + 4), R/binary>> = <<1, 2, 3, 4, 5, 6>>, {P, Q, R} end,
     case <<1, 2, 3>> of <<_:17, _/bits>> = Z -> bit_size(Z) end,
     [case V of <<"abc", T/binary>> -> {abc, T}; <<"ab", T/binary>> -> {ab, T}; _ -> no end || V <- [<<"abcd">>, <<"abd">>, <<"a">>, <<>>]],
     case <<0:64/float>> of <<0.0/float>> -> zero; _ -> other end,
     case <<16#7FF0000000000000:64>> of <<Inf:64/float>> -> Inf; _ -> nofloat end,
     [X || <<1:1, X:7>> <= <<129, 5, 255, 130>>], [{K, V} || <<K:8, S:8, V:S/binary>> <= <<1, 1, "a", 2, 3, "bcd", 3, 9, "x">>],
     case <<"häh"/utf16-little>> of <<U1/utf16-little, U2/utf16-little, _/binary>> -> [U1, U2] end].
