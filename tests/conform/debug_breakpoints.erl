%% The debugger's breakpoints: calls of a function, local or not, go to the process's error handler.
-module(debug_breakpoints).
-export([main/0, breakpoint/3, undefined_function/3, add/2, other/1]).
main() ->
    process_flag(error_handler, ?MODULE),
    A = {add(1, 2), ?MODULE:add(3, 4), other(1)},
    On = erts_debug:breakpoint({?MODULE, add, 2}, true),
    B = {add(1, 2), ?MODULE:add(3, 4), (fun ?MODULE:add/2)(5, 6), apply(?MODULE, add, [7, 8]), other(1)},
    Self = self(),
    spawn(fun() -> process_flag(error_handler, ?MODULE), apply(?MODULE, add, [Self, go]) end),
    C = receive {got, M} -> M after 300 -> nothing end,
    Counts = {On, erts_debug:breakpoint({?MODULE, add, '_'}, true), erts_debug:breakpoint({?MODULE, nope, 2}, true), erts_debug:breakpoint({nomodule, a, 1}, true)},
    Off = erts_debug:breakpoint({?MODULE, '_', '_'}, false),
    D = {add(1, 2), ?MODULE:add(3, 4)},
    Bad = [try erts_debug:breakpoint(X, Y) catch E:R -> {E, R} end || {X, Y} <- [{x, true}, {{?MODULE, add, 2}, 'maybe'}, {{?MODULE, add, x}, true}, {{1, add, 2}, true}, {{'_', add, 2}, true}]],
    {A, B, C, Counts, is_integer(Off), D, Bad}.
add(Pid, go) when is_pid(Pid) -> Pid ! {got, no_breakpoint};
add(A, B) -> A + B.
other(X) -> add(X, X) * 10.
breakpoint(M, F, [P, go]) -> P ! {got, {M, F}};
breakpoint(M, F, A) -> case {M, F} of {?MODULE, add} -> lists:sum(A) * 1000 end.
undefined_function(M, F, A) -> error_handler:undefined_function(M, F, A).
