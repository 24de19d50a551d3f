%% Random well-formed modules from a seed: functions of several arguments and types that call those of lower levels, loop, match,
%% build, fail and catch. They end, send nothing and depend on nothing, so every machine gives the same results.
-module(generator).
-export([modules/3]).

-define(FUNCTIONS, 16).

%% Writes and compiles modules `random_Seed` .. into a directory.
modules(Dir, From, Count) ->
    [module(Dir, Seed) || Seed <- lists:seq(From, From + Count - 1)].

module(Dir, Seed) ->
    rand:seed(exsss, {Seed, 20_261, 7}),
    put(next, 0),
    Name = "random_" ++ integer_to_list(Seed),
    Signatures = [{N, N div 4, some([loop, plain, plain]), [type() || _ <- lists:seq(1, 1 + rand:uniform(3))], type()} || N <- lists:seq(0, ?FUNCTIONS - 1)],
    Functions = [function(S, [T || {_, L, _, _, _} = T <- Signatures, L < element(2, S)]) || S <- Signatures],
    Exports = [{name(N), length(Args)} || {N, _, _, Args, _} <- Signatures],
    Calls = [{tuple, 0, [{atom, 0, name(N)}, list([list([value(T) || T <- Args]) || _ <- [1, 2, 3]])]} || {N, _, _, Args, _} <- Signatures],
    Forms = [{attribute, 1, module, list_to_atom(Name)},
             {attribute, 1, export, [{calls, 0}, {size_of, 1} | Exports]},
             {function, 1, calls, 0, [{clause, 1, [], [], [list(Calls)]}]},
             %% Keeps what loops gather small.
             {function, 1, size_of, 1, [clause([{var, 1, 'X'}], [], [{var, 1, 'X'}])]}
             | Functions],
    File = filename:join(Dir, Name ++ ".erl"),
    ok = file:write_file(File, unicode:characters_to_binary([[erl_pp:form(F), $\n] || F <- Forms])),
    case compile:file(File, [{outdir, Dir}, return]) of
        {ok, _, _} -> ok;
        %% A pass of the compiler itself failed: OTP 27's does, now and then.
        {error, [{_, [{none, compile, {crash, _, _, _}} | _]}], _} -> ok = file:delete(File);
        {error, Errors, _} -> io:format("~ts: ~p~n", [File, Errors]), halt(3)
    end.

name(N) -> list_to_atom("f" ++ integer_to_list(N)).
some(L) -> lists:nth(rand:uniform(length(L)), L).
one_in(N) -> rand:uniform(N) =:= 1.
type() -> some([int, int, int, float, atom, list, list, binary, bits, tuple, map, bool, any]).
fresh() -> N = get(next), put(next, N + 1), list_to_atom("V" ++ integer_to_list(N)).
var(V) -> {var, 1, V}.
list(L) -> lists:foldr(fun(E, R) -> {cons, 1, E, R} end, {nil, 1}, L).
clause(Patterns, Guards, Body) -> {clause, 1, Patterns, Guards, Body}.
call(M, F, Args) -> {call, 1, {remote, 1, {atom, 1, M}, {atom, 1, F}}, Args}.
call(F, Args) -> {call, 1, {atom, 1, F}, Args}.
op(O, A, B) -> {op, 1, O, A, B}.
int(N) when N < 0 -> {op, 1, '-', {integer, 1, -N}};
int(N) -> {integer, 1, N}.

%% ---- functions
function({N, _, plain, Types, Result}, Below) ->
    Clauses = [begin
                   {Patterns, Env} = patterns(Types),
                   clause(Patterns, guards(Env), body(Result, 3, Env, Below))
               end || _ <- lists:seq(1, rand:uniform(3))],
    {Last, Env} = variables(Types),
    {function, 1, name(N), length(Types), Clauses ++ [clause(Last, [], body(Result, 3, Env, Below)) || not one_in(5)]};
function({N, _, loop, Types, Result}, Below) ->
    %% A loop over its first argument, a list or a number; the rest go round and are kept small.
    Rest = tl(Types),
    {Vars, Env} = variables(Rest),
    Again = fun(E, Head) -> call(name(N), [Head | [small(T, expression(T, 2, E, Below)) || T <- Rest]]) end,
    Tail = fresh(), Element = fresh(), Count = fresh(),
    Clauses = [clause([{cons, 1, var(Element), var(Tail)} | Vars], [], [Again([{Element, any} | Env], call(lists, sublist, [var(Tail), int(6)]))]),
               clause([var(Count) | Vars], [[call(is_integer, [var(Count)]), op('>', var(Count), int(0))]],
                      [Again([{Count, int} | Env], op('-', call(min, [var(Count), int(6)]), int(1)))]),
               clause([var('_') | Vars], [], body(Result, 2, Env, Below))],
    {function, 1, name(N), length(Types), Clauses}.

variables(Types) ->
    Env = [{fresh(), T} || T <- Types],
    {[var(V) || {V, _} <- Env], Env}.

patterns(Types) ->
    lists:mapfoldl(fun(T, Env) -> {P, New} = pattern(T, 2), {P, New ++ Env} end, [], Types).

small(int, E) -> op('rem', E, {integer, 1, 1 bsl 130});
small(list, E) -> call(lists, sublist, [E, int(12)]);
small(T, E) when T =:= binary; T =:= bits ->
    V = fresh(), P = fresh(),
    {'case', 1, E, [clause([{bin, 1, [{bin_element, 1, var(P), int(40), [binary]}, {bin_element, 1, var('_'), default, [bitstring]}]}], [], [var(P)]),
                    clause([var(V)], [], [var(V)])]};
small(any, E) -> call(erlang, phash2, [E]);
small(T, E) when T =:= tuple; T =:= map ->
    V = fresh(), Size = case T of tuple -> tuple_size; map -> map_size end, Empty = case T of tuple -> {tuple, 1, []}; map -> {map, 1, []} end,
    {'case', 1, E, [clause([var(V)], [[op('>', call(erts_debug_flat_size(), [var(V)]), int(0)), op('<', call(Size, [var(V)]), int(40))]], [Empty]), clause([var('_')], [], [Empty])]};
small(_, E) -> E.
erts_debug_flat_size() -> tuple_size.

body(T, D, Env, Below) ->
    {Steps, Env2} = lists:mapfoldl(fun(_, E) -> step(D, E, Below) end, Env, lists:seq(1, rand:uniform(3) - 1)),
    Steps ++ [expression(T, D, Env2, Below)].

step(D, Env, Below) ->
    T = type(), V = fresh(),
    {{match, 1, var(V), expression(T, D - 1, Env, Below)}, [{V, T} | Env]}.

%% ---- values, as arguments of the first calls
value(int) -> some([int(N) || N <- [0, 1, 2, 5, -1, -7, 255, 256, 65_535, 1 bsl 31, (1 bsl 59) - 1, -(1 bsl 59) - 1, 1 bsl 59, (1 bsl 62) - 1, -(1 bsl 62), 1 bsl 62, (1 bsl 63) - 1, 1 bsl 64, -(1 bsl 64) - 1, 1 bsl 100]] ++ [int(rand:uniform(1000))]);
value(float) -> {float, 1, some([0.0, 1.0, 0.5, 3.25, 1.0e10, 1.0e300, 1.0e-300, 123456.789])};
value(atom) -> {atom, 1, some([a, b, c, ok, error, undefined, true, false, ''])};
value(bool) -> {atom, 1, some([true, false])};
value(list) -> list([value(some([int, int, atom, float, any])) || _ <- lists:seq(1, rand:uniform(6) - 1)]);
value(binary) -> {bin, 1, [{bin_element, 1, {string, 1, [rand:uniform(256) - 1 || _ <- lists:seq(1, rand:uniform(some([8, 90])))]}, default, default}]};
value(bits) -> {bin, 1, [{bin_element, 1, int(rand:uniform(1 bsl 30)), int(rand:uniform(41) - 1), default} || _ <- [1, 2]]};
value(tuple) -> {tuple, 1, [value(some([int, atom, list])) || _ <- lists:seq(1, rand:uniform(5) - 1)]};
value(map) -> {map, 1, [{map_field_assoc, 1, value(some([int, atom])), value(some([int, atom, list]))} || _ <- lists:seq(1, some([0, 1, 2, 5, 40]))]};
value(any) -> value(some([int, float, atom, list, binary, tuple, map, bits])).

%% ---- patterns: the pattern and the variables it binds
pattern(T, 0) -> V = fresh(), {var(V), [{V, T}]};
pattern(T, D) ->
    case rand:uniform(3) of
        1 -> pattern(T, 0);
        2 when T =:= int; T =:= atom; T =:= bool -> {value(T), []};
        _ -> deep(T, D)
    end.

deep(list, D) ->
    {H, E1} = pattern(some([any, int]), D - 1), {R, E2} = pattern(list, D - 1),
    some([{{cons, 1, H, R}, E1 ++ E2}, {{nil, 1}, []}]);
deep(tuple, D) ->
    {Ps, Envs} = lists:unzip([pattern(some([any, int, atom]), D - 1) || _ <- lists:seq(1, rand:uniform(4) - 1)]),
    {{tuple, 1, Ps}, lists:append(Envs)};
deep(map, D) ->
    {P, E} = pattern(any, D - 1),
    {{map, 1, [{map_field_exact, 1, value(some([int, atom])), P}]}, E};
deep(T, _) when T =:= binary; T =:= bits ->
    {Segments, Env} = segments(rand:uniform(3), []),
    V = fresh(),
    {{bin, 1, Segments ++ [{bin_element, 1, var(V), default, [case T of binary -> binary; bits -> bitstring end]}]}, [{V, T} | Env]};
deep(any, D) -> pattern(some([int, atom, list, tuple, map, binary, bits]), D);
deep(float, _) -> V = fresh(), {{match, 1, var(V), {float, 1, 1.0}}, [{V, float}]};
deep(T, _) -> pattern(T, 0).

segments(0, Env) -> {[], Env};
segments(N, Env) ->
    V = fresh(),
    {S, New} = case rand:uniform(5) of
        1 -> {{bin_element, 1, value(some([int])), some([default, int(16), int(32)]), default}, []};
        2 -> {{bin_element, 1, var(V), some([int(8), int(16), int(24), int(32), int(64)]), [integer, some([big, little]), some([signed, unsigned])]}, [{V, int}]};
        3 -> {{bin_element, 1, var(V), int(rand:uniform(70)), [integer, some([big, little]), some([signed, unsigned])]}, [{V, int}]};
        4 -> {{bin_element, 1, var(V), int(rand:uniform(4)), [binary]}, [{V, binary}]};
        5 -> case [X || {X, int} <- Env] of
                 [] -> {{bin_element, 1, var(V), default, default}, [{V, int}]};
                 Ints -> {{bin_element, 1, var(V), var(some(Ints)), some([default, [binary]])}, [{V, any}]}
             end
    end,
    {Rest, Env2} = segments(N - 1, New ++ Env),
    {[S | Rest], Env2}.

%% ---- guards
guards(_) -> case one_in(2) of true -> []; false -> erase(guard_env), [] end.
guards(Env, Count) -> [[guard(2, Env) || _ <- lists:seq(1, rand:uniform(2))] || _ <- lists:seq(1, Count)].

guard(D, Env) ->
    case rand:uniform(6) of
        1 -> call(some([is_integer, is_float, is_atom, is_list, is_binary, is_bitstring, is_tuple, is_map, is_number, is_boolean]), [term(Env)]);
        2 when D > 0 -> op(some(['andalso', 'orelse', 'and', 'or']), guard(D - 1, Env), guard(D - 1, Env));
        3 when D > 0 -> {op, 1, 'not', guard(D - 1, Env)};
        4 -> op(some(['<', '>', '=<', '>=', '==', '/=', '=:=', '=/=']), arithmetic(2, Env), arithmetic(2, Env));
        5 -> call(is_map_key, [value(some([int, atom])), term(Env)]);
        _ -> op(some(['<', '>', '=<', '>=', '==', '/=', '=:=', '=/=']), term(Env), term(Env))
    end.

term(Env) -> case Env =/= [] andalso not one_in(4) of true -> {V, _} = some(Env), var(V); false -> value(some([int, atom, float])) end.

arithmetic(0, Env) -> number(Env);
arithmetic(D, Env) ->
    case rand:uniform(5) of
        1 -> op(some(['+', '-', '*']), arithmetic(D - 1, Env), arithmetic(D - 1, Env));
        2 -> op(some(['div', 'rem', 'band', 'bor', 'bxor']), arithmetic(D - 1, Env), arithmetic(D - 1, Env));
        3 -> call(some([length, tuple_size, byte_size, bit_size, map_size, hd, abs, round, size]), [term(Env)]);
        4 -> call(element, [int(rand:uniform(4)), term(Env)]);
        _ -> number(Env)
    end.
number(Env) -> case [V || {V, T} <- Env, T =:= int orelse T =:= float orelse T =:= any] of [] -> value(int); Vs -> case one_in(3) of true -> value(some([int, float])); false -> var(some(Vs)) end end.

%% ---- expressions of a type
expression(T, D, Env, _) when D =< 0 -> leaf(T, Env);
expression(T, D, Env, Below) ->
    case rand:uniform(14) of
        1 -> 'case'(T, D, Env, Below);
        2 -> 'if'(T, D, Env, Below);
        3 -> 'try'(T, D, Env, Below);
        4 -> called(T, D, Env, Below);
        5 -> lambda(T, D, Env, Below);
        6 -> {block, 1, body(T, D - 1, Env, Below)};
        7 -> leaf(T, Env);
        _ -> made(T, D, fun(X) -> expression(X, D - 1, Env, Below) end, Env, Below)
    end.

leaf(T, Env) ->
    case [V || {V, X} <- Env, X =:= T orelse T =:= any] of
        [_ | _] = Vs -> case one_in(5) of true -> value(T); false -> var(some(Vs)) end;
        [] -> value(T)
    end.

'case'(T, D, Env, Below) ->
    Of = type(),
    Clauses = [begin
                   {P, New} = pattern(Of, 2),
                   G = case one_in(2) of true -> guards(New ++ Env, rand:uniform(2)); false -> [] end,
                   clause([P], G, [expression(T, D - 1, New ++ Env, Below)])
               end || _ <- lists:seq(1, rand:uniform(4))],
    {'case', 1, expression(Of, D - 1, Env, Below), Clauses ++ [clause([var('_')], [], [expression(T, D - 1, Env, Below)]) || not one_in(6)]}.

'if'(T, D, Env, Below) ->
    Clauses = [clause([], guards(Env, 1), [expression(T, D - 1, Env, Below)]) || _ <- lists:seq(1, rand:uniform(2))],
    {'if', 1, Clauses ++ [clause([], [[{atom, 1, true}]], [expression(T, D - 1, Env, Below)])]}.

'try'(T, D, Env, Below) ->
    C = fresh(), R = fresh(), V = fresh(),
    Inner = some([fun() -> [expression(T, D - 1, Env, Below)] end,
                  fun() -> [call(erlang, some([error, throw, exit]), [expression(any, D - 1, Env, Below)])] end]),
    Of = [clause([var(V)], [], [expression(T, D - 1, [{V, T} | Env], Below)]) || one_in(3)],
    After = [call(put, [{atom, 1, after_was_here}, leaf(int, Env)]) || one_in(4)],
    Pattern = {tuple, 1, [some([var(C), {atom, 1, error}, {atom, 1, throw}]), var(R), var('_')]},
    New = case Pattern of {tuple, 1, [{var, _, C} | _]} -> [{C, atom}]; _ -> [] end,
    case one_in(5) of
        true when T =:= any -> {'catch', 1, hd(Inner())};
        _ -> {'try', 1, Inner(), Of, [clause([Pattern], [], [expression(T, D - 1, New ++ [{R, any} | Env], Below)])], After}
    end.

called(T, D, Env, Below) ->
    case [S || {_, _, _, _, R} = S <- Below, R =:= T orelse T =:= any] of
        [] -> leaf(T, Env);
        Fs -> {N, _, Kind, Args, _} = some(Fs),
              [First | Rest] = [expression(A, D - 2, Env, Below) || A <- Args],
              First2 = case Kind of loop -> some([int(rand:uniform(5)), call(lists, sublist, [leaf(list, Env), int(5)])]); plain -> First end,
              call(name(N), [First2 | Rest])
    end.

lambda(T, D, Env, Below) ->
    {P, New} = pattern(some([int, list, any]), 1), A = fresh(),
    Other = clause([var(A)], [], [expression(T, D - 2, [{A, any} | Env], Below)]),
    Fun = {'fun', 1, {clauses, [clause([P], [], [expression(T, D - 1, New ++ Env, Below)]), Other]}},
    case rand:uniform(3) of
        1 -> {call, 1, Fun, [expression(any, D - 1, Env, Below)]};
        2 -> F = fresh(), {block, 1, [{match, 1, var(F), Fun}, {call, 1, var(F), [expression(any, D - 1, Env, Below)]}]};
        3 -> call(erlang, apply, [Fun, list([expression(any, D - 1, Env, Below)])])
    end.

made(int, _, E, Env, _) ->
    case rand:uniform(12) of
        1 -> op('+', E(int), E(int));
        2 -> op('-', E(int), E(int));
        3 -> op('*', op('rem', E(int), {integer, 1, 1 bsl 70}), E(int));
        4 -> op(some(['div', 'rem']), E(int), E(int));
        5 -> op(some(['band', 'bor', 'bxor']), E(int), E(int));
        6 -> op(some(['bsl', 'bsr']), op('rem', E(int), {integer, 1, 1 bsl 66}), op('band', E(int), int(31)));
        7 -> {op, 1, some(['-', 'bnot', '+']), E(int)};
        8 -> call(some([length, hd]), [E(list)]);
        9 -> call(some([byte_size, bit_size]), [E(some([binary, bits]))]);
        10 -> call(some([tuple_size, size]), [E(tuple)]);
        11 -> call(some([trunc, round, floor, ceil]), [E(float)]);
        12 -> call(some([lists]), some([sum, max, min]), [comprehension(int, Env, E)])
    end;
made(float, _, E, _, _) ->
    case rand:uniform(5) of
        1 -> op(some(['+', '-', '*']), E(float), E(float));
        2 -> op('/', E(some([int, float])), E(some([int, float])));
        3 -> op(some(['+', '-', '*']), E(float), E(int));
        4 -> call(float, [E(int)]);
        5 -> negated(E(float))
    end;
made(bool, _, E, Env, _) ->
    case rand:uniform(6) of
        1 -> op(some(['<', '>', '=<', '>=', '==', '/=', '=:=', '=/=']), E(any), E(any));
        2 -> op(some(['<', '>', '=<', '>=', '==', '/=', '=:=', '=/=']), E(some([int, float])), E(some([int, float])));
        3 -> op(some(['and', 'or', 'xor', 'andalso', 'orelse']), E(bool), E(bool));
        4 -> call(some([is_integer, is_float, is_list, is_binary, is_tuple, is_map]), [E(any)]);
        5 -> call(lists, member, [E(any), E(list)]);
        6 -> {op, 1, 'not', some([E(bool), leaf(any, Env)])}
    end;
made(list, _, E, Env, _) ->
    case rand:uniform(9) of
        1 -> {cons, 1, E(any), E(list)};
        2 -> op('++', E(list), E(list));
        3 -> op('--', E(list), E(list));
        4 -> comprehension(some([int, any]), Env, E);
        5 -> call(binary_to_list, [E(binary)]);
        6 -> call(tuple_to_list, [E(tuple)]);
        7 -> call(lists, some([reverse, sort, usort]), [E(list)]);
        8 -> call(maps, some([keys, values, to_list]), [E(map)]);
        9 -> call(tl, [E(list)])
    end;
made(T, _, E, Env, _) when T =:= binary; T =:= bits ->
    case rand:uniform(5) of
        1 -> {bin, 1, [{bin_element, 1, E(int), some([default, int(16), int(32), int(64)]), some([default, [some([big, little]), some([signed, unsigned])]])}, {bin_element, 1, E(T), default, [case T of binary -> binary; bits -> bitstring end]}]};
        2 -> {bin, 1, [{bin_element, 1, E(T), default, [bitstring]}, {bin_element, 1, E(T), default, [bitstring]}]};
        3 -> {bin, 1, [{bin_element, 1, E(int), int(rand:uniform(80)), [integer, some([big, little])]} || T =:= bits] ++ [{bin_element, 1, E(float), int(some([32, 64])), [float, some([big, little])]}]};
        4 -> V = fresh(), {bc, 1, {bin, 1, [{bin_element, 1, var(V), int(some([8, 16, 24])), default}]}, [{generate, 1, var(V), E(list)}, call(is_integer, [var(V)])]};
        5 -> V = fresh(), {bc, 1, {bin, 1, [{bin_element, 1, leaf(int, [{V, int} | Env]), int(8), default}]}, [{b_generate, 1, {bin, 1, [{bin_element, 1, var(V), int(some([4, 8, 12])), default}]}, E(T)}]}
    end;
made(tuple, _, E, _, _) ->
    case rand:uniform(4) of
        1 -> {tuple, 1, [E(any) || _ <- lists:seq(1, rand:uniform(4))]};
        2 -> call(setelement, [int(rand:uniform(3)), E(tuple), E(any)]);
        3 -> call(list_to_tuple, [E(list)]);
        4 -> call(erlang, append_element, [E(tuple), E(any)])
    end;
made(map, _, E, _, _) ->
    case rand:uniform(5) of
        1 -> {map, 1, [{map_field_assoc, 1, E(some([int, atom])), E(any)} || _ <- lists:seq(1, rand:uniform(4))]};
        2 -> {map, 1, E(map), [{map_field_assoc, 1, E(some([int, atom, any])), E(any)} || _ <- lists:seq(1, rand:uniform(3))]};
        3 -> {map, 1, E(map), [{map_field_exact, 1, E(some([int, atom])), E(any)}]};
        4 -> call(maps, some([remove]), [E(any), E(map)]);
        5 -> call(maps, merge, [E(map), E(map)])
    end;
made(atom, _, E, _, _) -> some([call(element, [int(1), {tuple, 1, [E(atom), E(any)]}]), {'case', 1, E(bool), [clause([{atom, 1, true}], [], [E(atom)]), clause([{atom, 1, false}], [], [E(atom)])]}]);
made(any, _, E, _, _) ->
    case rand:uniform(4) of
        1 -> call(element, [E(int), E(tuple)]);
        2 -> call(maps, get, [E(any), E(map), E(any)]);
        3 -> call(map_get, [E(atom), E(map)]);
        4 -> E(some([int, float, atom, list, binary, tuple, map]))
    end.

%% Before OTP 26 the machine code of ERTS makes 0.0 of a negated 0.0; later releases, and ferrobeam always, -0.0.
negated(E) ->
    case list_to_integer(erlang:system_info(otp_release)) of
        Release when Release >= 26 -> {op, 1, '-', E};
        _ -> op('-', {float, 1, 1.0}, E)
    end.

comprehension(T, Env, E) ->
    V = fresh(),
    Inner = [{V, any} | Env],
    {lc, 1, small_element(T, V, Inner), [{generate, 1, var(V), E(list)} | [hd(hd(guards(Inner, 1))) || one_in(2)]]}.
small_element(int, V, Env) -> some([op('+', leaf(int, Env), int(1)), call(erlang, phash2, [var(V)]), op('*', leaf(int, Env), leaf(int, Env))]);
small_element(any, V, Env) -> some([var(V), {tuple, 1, [var(V), leaf(any, Env)]}, leaf(any, Env)]).
