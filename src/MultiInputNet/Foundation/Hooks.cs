using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The hooks of a module, which TorchSharp shows to classes derived from it alone.</summary>
internal static class Hooks
{
    /// <summary>Whether a module has hooks that are not this library's.</summary>
    public static bool AnyOfUsers<TBefore, TAfter>(nn.HookableModule<TBefore, TAfter> module)
        where TBefore : Delegate
        where TAfter : Delegate => Fields<TBefore, TAfter>.Before(module).Values.Any(IsUsers) || Fields<TBefore, TAfter>.After(module).Values.Any(IsUsers)
            || Fields<TBefore, TAfter>.ModuleBefore(module).Values.Any(IsUsers) || Fields<TBefore, TAfter>.ModuleAfter(module).Values.Any(IsUsers);

    /// <summary>
    /// Registers a hook of this library's: it runs after those that the library has registered before and ahead of all that a user has, so
    /// that users' hooks see the result that is used.
    /// </summary>
    public static void Register(nn.Module<Tensor, Tensor> module, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor> hook)
    {
        module.register_forward_hook(hook);
        var hooks = Fields<Func<nn.Module<Tensor, Tensor>, Tensor, Tensor>, Func<nn.Module<Tensor, Tensor>, Tensor, Tensor, Tensor>>.After(module);
        var ordered = hooks.OrderBy(registered => IsUsers(registered.Value)).ToArray();
        hooks.Clear();
        foreach (var (key, registered) in ordered)
            hooks.Add(key, registered);
    }

    private static bool IsUsers(Delegate hook) => hook.Method.Module.Assembly != typeof(Hooks).Assembly;

    private static class Fields<TBefore, TAfter>
    {
        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "pre_hooks")]
        public static extern ref Dictionary<string, TBefore> Before(nn.HookableModule<TBefore, TAfter> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "post_hooks")]
        public static extern ref Dictionary<string, TAfter> After(nn.HookableModule<TBefore, TAfter> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_pre_hooks")]
        public static extern ref Dictionary<string, Action<nn.Module>> ModuleBefore(nn.HookableModule<TBefore, TAfter> module);

        [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "module_post_hooks")]
        public static extern ref Dictionary<string, Action<nn.Module>> ModuleAfter(nn.HookableModule<TBefore, TAfter> module);
    }
}
