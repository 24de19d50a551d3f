#!/usr/bin/env escript
%% Writes what the Erlang that runs it says of some hundred terms: their external forms, hashes, printed texts and order.
%% record.escript > data/otpNN.tsv
-mode(compile).
-compile([nowarn_deprecated_function, nowarn_deprecated_catch]).
main(_) ->
    rand:seed(exsss, {1, 2, 3}),
    Terms = fixed() ++ [term(4) || _ <- lists:seq(1, 300)],
    lists:foreach(fun line/1, Terms),
    Numbered = lists:zip(Terms, lists:seq(0, length(Terms) - 1)),
    Sorted = lists:sort(fun({A, _}, {B, _}) -> A =< B end, Numbered),
    io:format("order\t~s~n", [marks(Sorted)]),
    %% Keys in the order of a map.
    Keys = lists:usort(fun(A, B) -> exact(A, B) end, Terms),
    io:format("keys\t~s~n", [lists:join(",", [integer_to_list(proplists:get_value(T, Numbered)) || T <- Keys])]).

exact(A, B) -> element(1, hd(maps:to_list(#{{A} => 1, {B} => 1}))) =:= {A}.

%% Numbers, each with the sign between it and the one before it.
marks([{A, N} | Rest]) -> [integer_to_list(N) | marks(A, Rest)].
marks(_, []) -> [];
marks(A, [{B, N} | Rest]) ->
    Sign = if A =:= B -> "=:="; A == B -> "=="; true -> "<" end,
    [$,, Sign, integer_to_list(N) | marks(B, Rest)].

line(T) ->
    Deterministic = term_to_binary(T, [deterministic, {minor_version, 2}]),
    Hex = fun(B) when B =:= Deterministic -> "="; (B) -> hex(B) end,
    io:format("~s\t~s\t~s\t~s\t~w\t~w\t~w\t~s\n",
        [hex(Deterministic), Hex(term_to_binary(T)), Hex(term_to_binary(T, [{minor_version, 0}])),
         Hex(term_to_binary(T, [{minor_version, 1}])), erlang:external_size(T), erlang:phash2(T, 1 bsl 32),
         erlang:phash(T, 1 bsl 32) - 1, text(T)]).

text(T) ->
    try erts_internal:term_to_string(T, 1 bsl 30) of
        S ->
            Limit = rand:uniform(60) + 1,
            [hex(S), $\t, integer_to_list(Limit), $\t, hex(erts_internal:term_to_string(T, Limit))]
    catch _:_ -> "-"
    end.

hex(B) -> [io_lib:format("~2.16.0b", [X]) || <<X>> <= iolist_to_binary(B)].

fixed() ->
    [0, 1, -1, 255, 256, -256, 16#7fffffff, 16#80000000, -16#80000000, -16#80000001, 1 bsl 59, (1 bsl 59) - 1, -(1 bsl 59),
     -(1 bsl 59) - 1, 1 bsl 62, -(1 bsl 62), (1 bsl 62) - 1, -(1 bsl 62) - 1, 1 bsl 63, -(1 bsl 63), (1 bsl 64) - 1, 1 bsl 64,
     1 bsl 2032, (1 bsl 2040) - 1, 1 bsl 2040, -(1 bsl 2040), 1 bsl 127, 16#123456789abcdef0123456789abcdef,
     9007199254740992, 9007199254740993, 9007199254740992.0, 9007199254740994, 1.0e30, 1000000000000000019884624838656,
     1000000000000000019884624838655, 1.0e300, 0.0, 0.1, 1.0, 1.5, -1.5, 255.0, 4.9e-324, 1.7976931348623157e308, 4611686018427387904.0,
     '', a, abc, 'Abc', 'a b', 'a@b', '_', 'end', list_to_atom([16#e5]), list_to_atom([16#20ac]), list_to_atom([$a, 16#e9]),
     list_to_atom([16#1f600]), list_to_atom([$a, 16#3bb]), list_to_atom(lists:duplicate(255, $x)), list_to_atom(lists:duplicate(255, 16#20ac)),
     list_to_atom([$a, 0, 10, 127, 128]), list_to_atom("abcdefgh"), list_to_atom("abcdefghi"), list_to_atom("abcdefgh" ++ [0]),
     [], [a], "abc", "a\nb\"c\\d\r\t", [0, 1, 2], [255], [256], [-1], "abc" ++ d, [a | b], [[]], [[] | []], lists:seq(1, 300),
     {}, {a}, {a, b}, {{}}, list_to_tuple(lists:seq(1, 255)), list_to_tuple(lists:seq(1, 256)), list_to_tuple(lists:seq(1, 300)),
     <<>>, <<0>>, <<"abc">>, <<"a\"b">>, <<1:1>>, <<1:7>>, <<0:9>>, <<255, 3:3>>, binary:copy(<<"x">>, 63), binary:copy(<<"x">>, 64),
     binary:copy(<<"y">>, 65), binary:copy(<<7>>, 200), <<(binary:copy(<<7>>, 200))/binary, 5:3>>,
     #{}, #{a => 1}, #{1 => a, 1.0 => b}, #{1.0 => a}, #{1 => 1.0}, #{1 => 1}, #{a => 1, b => 2}, #{a => 1, c => 0}, #{b => 0, c => 0}, #{[] => {}, {} => []},
     #{#{} => 1}, #{#{a => 1} => #{b => 2}},
     maps:from_list([{K, K} || K <- lists:seq(1, 32)]), maps:from_list([{K, K} || K <- lists:seq(1, 33)]),
     maps:from_list([{K, a} || K <- lists:seq(1, 33)]), maps:from_list([{K, a} || K <- lists:seq(2, 34)]),
     maps:from_list([{{K, float(K)}, [K]} || K <- lists:seq(1, 100)]),
     fun lists:map/2, fun lists:map/3, fun lists:mapz/2, fun a:map/2, fun 'A b':'C d'/0,
     pid(<<"a@a">>, 5, 0, 1), pid(<<"b@b">>, 4, 0, 1), pid(<<"a@a">>, 4, 1, 1), pid(<<"a@a">>, 5, 0, 2), pid(<<"zz@a">>, 5, 0, 1),
     pid(<<"nonode@nohost">>, 5, 0, 0), pid(<<"nonode@nohost">>, 5, 0, 7), pid(<<"nonode@nohost">>, 1000, 3, 0),
     port(<<"a@a">>, 5, 1), port(<<"b@b">>, 4, 1), port(<<"nonode@nohost">>, 3, 0), port(<<"a@a">>, 1 bsl 40, 1),
     ref(<<"a@a">>, 1, [5, 0, 0]), ref(<<"b@b">>, 1, [4, 0, 0]), ref(<<"a@a">>, 2, [4, 0, 0]), ref(<<"a@a">>, 1, [4, 1, 0]),
     ref(<<"a@a">>, 1, [9]), ref(<<"a@a">>, 1, [5, 1]), ref(<<"a@a">>, 1, [1, 2, 3, 4, 5]), ref(<<"nonode@nohost">>, 0, [1, 2, 3]),
     ref(<<"nonode@nohost">>, 0, [262143, 4294967295, 9]), ref(<<"a@a">>, 1, [4294967295, 2, 3]),
     ffun(<<"m">>, 3, 77, []), ffun(<<"m">>, 2, 78, [a, "b"]), ffun(<<"a">>, 3, 77, [{1}]), ffun(<<"lists">>, 3, 77, [{1}])].

pid(Node, Number, Serial, Creation) -> binary_to_term(<<131, 88, (name(Node))/binary, Number:32, Serial:32, Creation:32>>).
port(Node, N, Creation) when N < 1 bsl 28 -> binary_to_term(<<131, 89, (name(Node))/binary, N:32, Creation:32>>);
port(Node, N, Creation) -> binary_to_term(<<131, 120, (name(Node))/binary, N:64, Creation:32>>).
ref(Node, Creation, Words) ->
    binary_to_term(<<131, 90, (length(Words)):16, (name(Node))/binary, Creation:32, << <<W:32>> || W <- Words >>/binary>>).
ffun(Module, Index, Uniq, Env) ->
    Body = <<1, Uniq:128, Index:32, (length(Env)):32, (name(Module))/binary, 97, Index, 98, Uniq:32,
             88, (name(<<"nonode@nohost">>))/binary, 0:32, 0:32, 0:32, (<< <<(tail(T))/binary>> || T <- Env >>)/binary>>,
    binary_to_term(<<131, 112, (byte_size(Body) + 4):32, Body/binary>>).
tail(T) -> <<131, B/binary>> = term_to_binary(T), B.
name(B) -> <<119, (byte_size(B)), B/binary>>.

r(N) -> rand:uniform(N).
term(0) -> leaf();
term(D) ->
    case r(10) of
        1 -> list_to_tuple([term(D - 1) || _ <- lists:seq(1, r(5) - 1)]);
        2 -> [term(D - 1) || _ <- lists:seq(1, r(5) - 1)];
        3 -> [term(D - 1), term(D - 1) | leaf()];
        4 -> maps:from_list([{term(D - 1), term(D - 1)} || _ <- lists:seq(1, r(5) - 1)]);
        5 -> maps:from_list([{leaf(), leaf()} || _ <- lists:seq(1, r(30) - 1)]);
        _ -> leaf()
    end.
leaf() ->
    case r(16) of
        1 -> r(300) - 150;
        2 -> r(1 bsl 40) - (1 bsl 39);
        3 -> (r(1 bsl 30) - (1 bsl 29)) * (1 bsl r(200));
        4 -> r(1000) / r(16);
        5 -> float(r(100));
        6 -> rand:normal() * math:pow(10, r(600) - 300);
        7 -> list_to_atom([$a + r(4) - 1 || _ <- lists:seq(1, r(4))]);
        8 -> list_to_atom([16#e0 + r(300) || _ <- lists:seq(1, r(3))]);
        9 -> << <<(r(256) - 1)>> || _ <- lists:seq(1, r(8) - 1) >>;
        10 -> S = r(30), N = r(1 bsl S), <<N:S>>;
        11 -> [31 + r(96) || _ <- lists:seq(1, r(10) - 1)];
        12 -> [r(256) - 1 || _ <- lists:seq(1, r(10) - 1)];
        13 -> lists:nth(r(6), [true, false, ok, [], {}, #{}]);
        14 -> pid(<<($a + r(3)), "@h">>, r(100), r(3), r(2));
        15 -> ref(<<($a + r(3)), "@h">>, r(2), [r(1000) || _ <- lists:seq(1, r(5))]);
        16 -> lists:nth(r(3), [fun lists:map/2, fun erlang:send/2, port(<<"a@h">>, r(100), 1)])
    end.
