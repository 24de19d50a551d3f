%% The line of a failure behind a last call: between a move to x0 and a last call of what is no native function, the line is dropped. (25 only)
-module(lines_of_last_calls).
-export([main/0]).
line(N) -> {line, [{location, "lt.erl", N}]}.
variants() ->
    To0 = {move, {atom, q}, {x, 0}}, To1 = {move, {atom, q}, {x, 1}}, New = {allocate, 0, 1}, Line = line(100),
    [[Line, {call_only, 1, {f, 1001}}],
     [To0, Line, {call_only, 1, {f, 1001}}],
     [Line, {call_ext_only, 1, {extfunc, lists, flatten, 1}}],
     [To0, Line, {call_ext_only, 1, {extfunc, lists, flatten, 1}}],
     [To0, Line, {call_ext_only, 1, {extfunc, no_such_module, flatten, 1}}],
     [To0, Line, {call_ext_only, 1, {extfunc, erlang, atom_to_list, 1}}],
     [To1, Line, {call_ext_only, 2, {extfunc, lists, append, 2}}],
     [New, Line, {call_last, 1, {f, 1001}, 0}],
     [New, To0, Line, {call_last, 1, {f, 1001}, 0}],
     [New, To0, Line, {call_ext_last, 1, {extfunc, lists, flatten, 1}, 0}],
     [New, To0, Line, {call_ext_last, 1, {extfunc, erlang, atom_to_list, 1}, 0}],
     [New, To0, Line, {call_ext, 1, {extfunc, lists, flatten, 1}}, {deallocate, 0}, return],
     [To0, Line, {call_ext_only, 1, {extfunc, erlang, error, 1}}]]
    ++ [[{allocate, 4, 1} | [{move, nil, {y, Y}} || Y <- lists:seq(0, 3)]]
        ++ [{move, {y, Y}, {x, X}} || {Y, X} <- Moves] ++ [Line, {call_last, 1, {f, 1001}, 4}] || Moves <- moves()].
%% Two moves from neighbours on the stack to neighbours are one instruction, which is no move.
moves() ->
    [[{0, 0}], [{0, 1}, {1, 0}], [{1, 1}, {0, 0}], [{0, 1}, {2, 0}], [{0, 3}, {1, 0}], [{0, 1}, {0, 0}],
     [{0, 2}, {1, 1}, {2, 0}], [{2, 2}, {1, 1}, {0, 0}], [{2, 1}, {0, 2}, {1, 0}], [{0, 2}, {0, 1}, {1, 0}],
     [{0, 3}, {1, 2}, {2, 1}, {3, 0}], [{1, 3}, {2, 2}, {0, 1}, {1, 0}], [{0, 3}, {2, 2}, {3, 1}, {2, 0}]].
function(Name, At, Body) ->
    {function, Name, 1, At + 1,
     [{label, At}, line(10), {func_info, {atom, lt}, {atom, Name}, 1}, {label, At + 1},
      {allocate, 1, 1}, {move, {x, 0}, {y, 0}}, line(50), {call_ext, 1, {extfunc, lists, flatten, 1}}, {move, {y, 0}, {x, 0}}, {deallocate, 1},
      {test, is_eq_exact, {f, At + 2}, [{x, 0}, {integer, 1}]} | Body]
     ++ [{label, At + 2}, {bif, map_get, {f, 0}, [{atom, c}, {literal, #{}}], {x, 0}}, return]}.
main() ->
    Named = [{list_to_atom("f" ++ integer_to_list(N)), 1 + 3 * N, V} || {N, V} <- lists:zip(lists:seq(1, length(variants())), variants())],
    Leaf = {function, leaf, 1, 1001, [{label, 1000}, {func_info, {atom, lt}, {atom, leaf}, 1}, {label, 1001}, return]},
    %% As it stands: the compiler's passes would order the moves anew.
    {ok, B} = beam_asm:module({lt, [{F, 1} || {F, _, _} <- Named], [], [function(F, At, V) || {F, At, V} <- Named] ++ [Leaf], 1002}, [], [], []),
    {module, lt} = code:load_binary(lt, "lt.beam", B),
    Lines = [{F, try lt:F([]) catch error:E:S -> {_, _, _, L} = lists:keyfind(lt, 1, S), {E, proplists:get_value(line, L)} end} || {F, _, _} <- Named],
    %% Others look at all modules that are loaded, and this one has no functions that tell of it.
    code:delete(lt),
    code:purge(lt),
    Lines.
