%% What is told of a bit string that cannot be built: sizes before values, in the order of the source; floats that are too large
-module(bits_errors).
-export([main/0]).

main() ->
    A = id(some_atom),
    F = id(1.0),
    B = id(<<"abc">>),
    [t(G) || G <- [
        fun() -> <<A:64/float>> end,
        fun() -> <<A:16/float>> end,
        fun() -> <<A:(id(65))/float>> end,
        fun() -> <<F:(id(65))/float>> end,
        fun() -> <<(id(1 bsl 1500)):64/float>> end,
        fun() -> <<(id(1.0e300)):32/float>> end,
        fun() -> <<(id(-1.0e300)):16/float-little, (id(65519.0)):16/float, (id(65520)):16/float>> end,
        fun() -> <<A:(id(-1))/float>> end,
        fun() -> <<A:(id(a))/float>> end,
        fun() -> <<A:(id(1 bsl 64))/float>> end,
        fun() -> <<A:64/float, 1:(id(-1))>> end,
        fun() -> <<1:32, "xyz", A:64/float>> end,
        fun() -> <<B/binary, A:64/float>> end,
        fun() -> <<A/binary, 1:(id(-1))>> end,
        fun() -> <<1:32, "xyz", B/binary, A/binary>> end,
        fun() -> <<A:8/integer>> end,
        fun() -> <<A:(id(-8))/integer>> end,
        fun() -> <<A:(id(-8))/binary>> end,
        fun() -> <<A:(id(2))/binary>> end,
        fun() -> <<B:(id(9))/binary>> end,
        fun() -> <<(id(-1))/utf8>> end,
        fun() -> <<A:8, (id(16#d800))/utf16>> end,
        fun() -> <<(id(<<1:9>>))/binary>> end,
        fun() -> <<B/binary, (id(<<1:9>>))/binary>> end,
        fun() -> <<B/binary, 1:(id(1 bsl 70))>> end
    ]].

t(G) ->
    try G()
    catch
        _:R:Stack ->
            [{_, _, _, I} | _] = Stack,
            {error_info, E} = lists:keyfind(error_info, 1, I),
            {R, maps:get(cause, E, none)}
    end.

id(X) -> X.
